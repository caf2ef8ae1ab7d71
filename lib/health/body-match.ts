import { type Context, createContext, Script } from 'node:vm'
import type { WantedBody } from '../base/values/check-values.js'

/** How much of a body is searched. */
export const BODY_LIMIT_BYTES = 65_536
const PATTERN_TIMEOUT_MS = 100

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
      const matches = MATCH.runInContext(context, { timeout: PATTERN_TIMEOUT_MS }) as boolean
      return matches ? undefined : 'body without a match of the pattern'
    } catch {
      return `pattern of the body not matched within ${PATTERN_TIMEOUT_MS} ms`
    } finally {
      context.text = ''
    }
  }
}
