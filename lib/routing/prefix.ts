import { withoutDotSegments } from './paths/dot-segments.js'
import { isAmbiguous, mayClimb, withUnreservedDecoded } from './readings.js'

/** The scheme and authority of a target in absolute form (RFC 9112 section 3.2.2). */
const ORIGIN = /^https?:\/\/[^/?]*/i
/** What a segment of a prefix may hold: nothing that is encoded, and nothing that routers take for more than itself. */
const PREFIX = /^(?:\/[\w\-.~!$&'+,=@]+)+$/

/** Whether a text can be the prefix of paths: segments, each behind a `/`, that mean themselves. */
export function isPrefix(text: string): boolean {
  return PREFIX.test(text) && withoutDotSegments(text) === text
}

/** The paths below a prefix, and what stands in its place on the way to the backends. */
export class Prefix {
  readonly #prefix: string
  readonly #replacement: string
  readonly #ignoresCase: boolean

  /**
   * @param prefix as `isPrefix` wants it, or empty for all paths
   * @param replacement the same
   * @param ignoresCase whether the router that has matched the prefix does not tell capitals from small letters
   */
  constructor(prefix: string, replacement: string, ignoresCase = false) {
    this.#prefix = ignoresCase ? prefix.toLowerCase() : prefix
    this.#replacement = replacement
    this.#ignoresCase = ignoresCase
  }

  /**
   * The target of a request for the backends: with the prefix cut off its path, and the replacement in its place. What is
   * left keeps its encoding, has no dot segments, and begins with exactly one `/`. Undefined if some server may read the
   * path as one that leads out of the prefix.
   * @param target as it came, in origin or absolute form
   */
  rewrite(target: string): string | undefined {
    if (this.#prefix === '' && this.#replacement === '') return target
    const origin = target.startsWith('/') ? '' : (ORIGIN.exec(target)?.[0] ?? '')
    const queryAt = target.indexOf('?')
    const end = queryAt === -1 ? target.length : queryAt
    const rest = this.#restOf(target.slice(origin.length, end) || '/')
    return rest === undefined ? undefined : origin + this.#replacement + rest + target.slice(end)
  }

  /** Whether a target is below the prefix as it is written, but for characters that need no encoding. */
  covers(target: string): boolean {
    const [path = ''] = target.replace(ORIGIN, '').split('?', 1)
    return this.#has(withUnreservedDecoded(path || '/'))
  }

  #restOf(path: string): string | undefined {
    if (!isAmbiguous(path)) return this.#cut(path)
    // One of the readings is the literal one.
    if (!this.#has(path)) return undefined
    const rest = path.slice(this.#prefix.length) || '/'
    return mayClimb(rest) ? undefined : withoutDotSegments(rest).replace(/^\/+/, '/')
  }

  #has(path: string): boolean {
    const compared = this.#ignoresCase ? path.toLowerCase() : path
    const { length } = this.#prefix
    return compared.startsWith(this.#prefix) && (compared.length === length || compared[length] === '/')
  }

  /** What stands behind the prefix, if the path is below it once its unreserved characters are decoded. */
  #cut(path: string): string | undefined {
    if (this.#has(path)) return path.slice(this.#prefix.length) || '/'
    const count = this.#prefix.split('/').length
    const parts = path.split('/')
    if (!this.#has(withUnreservedDecoded(parts.slice(0, count).join('/')))) return undefined
    return `/${parts.slice(count).join('/')}`
  }
}
