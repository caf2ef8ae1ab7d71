import { type Context, createContext, Script } from 'node:vm'
import type { WantedBody } from '../base/values/check-values.js'

/** How much of a body is searched. */
export const BODY_LIMIT_BYTES = 65_536
const PATTERN_TIMEOUT_MS = 100
/** On a busy machine the time may pass without the search getting the processor: then it is made again. */
const MAX_SEARCHES = 3

const MATCH = new Script('pattern.test(text)')

/**
 * Searches bodies for a text or a match of a pattern. A pattern that backtracks without end is stopped after 100 ms: it
 * would block every request meanwhile.
 */
export class BodyMatch {
  readonly #wanted: WantedBody
  #context: Context | undefined

  constructor(wanted: WantedBody) {
    this.#wanted = wanted
  }

  /** Why a body does not match, as the result of a check says it; `undefined` if it does. */
  explain(body: Buffer): string | undefined {
    const wanted = this.#wanted
    if (typeof wanted === 'string') return body.includes(wanted) ? undefined : 'body without the text wanted'
    this.#context ??= createContext({ pattern: wanted })
    const context = this.#context
    context.text = body.toString()
    try {
      return search(context) ? undefined : 'body without a match of the pattern'
    } catch {
      return `pattern of the body not matched within ${PATTERN_TIMEOUT_MS} ms`
    } finally {
      context.text = ''
    }
  }
}

/** @throws when it takes too long */
function search(context: Context): boolean {
  for (let searches = 1; ; searches++) {
    const before = process.cpuUsage()
    try {
      return MATCH.runInContext(context, { timeout: PATTERN_TIMEOUT_MS }) as boolean
    } catch (error) {
      const { user } = process.cpuUsage(before)
      const wasRunning = user / 1000 > PATTERN_TIMEOUT_MS / 2
      if (wasRunning || searches === MAX_SEARCHES) throw error
    }
  }
}
