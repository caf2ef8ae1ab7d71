import { withoutDots } from './dot-segments.js'
import { respelled, spellings } from './percent.js'

/**
 * What makes a path differ from its normal form, or gives it several readings: characters that are encoded or ought to
 * be, separators other than a single `/`, and dot segments.
 */
const NOT_PLAIN = /[^\w\-.~!$&'()*+,=:@/]|\/\/|\/\.\.?(?:\/|$)/
/** Characters that are not to be encoded (RFC 3986 section 2.3). */
export const UNRESERVED = /[\w\-.~]/
/** What may not stand in a path (section 3.3). `;` may, `\\` is left to the readings of a path. */
const TO_ENCODE = /[^\w\-.~!$&'()*+,=:@/;%\\]/g

const encoded = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

/** Unreserved characters as they are, all others in capital digits. */
const NORMAL = spellings((char) => (UNRESERVED.test(char) ? char : encoded(char)))

/** The path of a request's target, without the query: as it was sent. `*` stays as it is. */
export function pathOf(target: string): string {
  const queryAt = target.indexOf('?')
  return queryAt === -1 ? target : target.slice(0, queryAt)
}

/** Whether a path is its own normal form, and nobody reads it otherwise. */
export function isPlain(path: string): boolean {
  return !NOT_PLAIN.test(path)
}

/**
 * A path with its unreserved characters decoded, and all that has to be encoded in capital digits (RFC 3986 sections
 * 6.2.2.1 and 6.2.2.2). A `%` that encodes nothing stays. So do dot segments.
 */
export function withNormalEncoding(path: string): string {
  const spelled = respelled(path, NORMAL)
  return spelled.replace(TO_ENCODE, (char) => (char.charCodeAt(0) < 256 ? encoded(char) : char))
}

/** The form of a path in which routes are matched (RFC 3986 section 6.2.2). `*` stays as it is. */
export function normalForm(path: string): string {
  return isPlain(path) ? path : withoutDots(withNormalEncoding(path))
}
