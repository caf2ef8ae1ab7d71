import { availableThreads, MAX_THREADS } from '../../base/available-threads.js'
import { parsed } from '../../base/values/values.js'
import { variable } from '../variable.js'

const AUTO = 'auto'
const WHOLE = /^\d{1,3}$/

/** The variable of the threads. */
export const threadVariables = {
  LB_THREADS: variable(threads(), {
    description:
      'Threads that accept connections and forward requests, as one balancer: limits, sessions and statistics are those of ' +
      'all. `auto` means one for each core that the process may use.',
    fallback: '1',
    flags: '--threads <n>'
  })
}

function threads() {
  return parsed<number>(
    (text, fault) => {
      const count = text === AUTO ? availableThreads() : Number(text)
      if ((text === AUTO || WHOLE.test(text)) && count >= 1 && count <= MAX_THREADS) return count
      fault(`must be a whole number from 1 to ${MAX_THREADS}, or ${AUTO}, but is "${text}"`)
      return undefined
    },
    {
      anyOf: [
        { type: ['integer', 'string'], minimum: 1, maximum: MAX_THREADS, pattern: `^([0-9]+|${AUTO})$` }
      ]
    }
  )
}
