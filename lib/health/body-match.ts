import { type Context, createContext, Script } from 'node:vm'
import type { WantedBody } from '../base/values/check-values.js'

/** So much of a body is looked at. */
export const BODY_LIMIT_BYTES = 65_536
const PATTERN_TIMEOUT_MS = 100

const MATCH = new Script('pattern.test(text)')

/**
 * Looks for a text or a match of a pattern in bodies. A pattern that backtracks without end is stopped after 100 ms, as
 * it would hold up every request meanwhile.
 */
export class BodyMatch {
  readonly #wanted: WantedBody
  #context: Context | undefined

  constructor(wanted: WantedBody) {
    this.#wanted = wanted
  }

  /** What a body is missing, in the words of a check's result; `undefined` for nothing. */
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
