import { withDotsDecoded } from './paths/dot-segments.js'
import { UNRESERVED } from './paths/normal-form.js'
import { respelled, spellings } from './paths/percent.js'

/** What some servers read otherwise than others: encoded or not, as encodings are decoded twice by some. */
const AMBIGUOUS = /[\\;]|\/\/|\/\.\.?(?:\/|$)|%(?:25)*(?:2e|2f|5c|3b)/i
const UNRESERVED_DECODED = spellings((char) => (UNRESERVED.test(char) ? char : undefined))
const DECODED = spellings((char) => char)
const SEPARATOR = /[/\\]/

/** Whether there is more than one way to read a path, without its query. */
export function isAmbiguous(path: string): boolean {
  return AMBIGUOUS.test(path)
}

/** A path with the characters decoded that never need an encoding (RFC 3986 section 6.2.2.2). */
export function withUnreservedDecoded(path: string): string {
  return respelled(path, UNRESERVED_DECODED)
}

/**
 * Whether some server may read a path as one that leads above where it begins, at any point of it. Servers decode it
 * not at all, once, or twice, take `\` for `/` or not, cut off what follows a `;` or not, and merge slashes or not.
 * Each segment is read in the worst of these ways, so that no mixture of them is missed.
 */
export function mayClimb(path: string): boolean {
  let depth = 0
  for (const segment of path.split('/').slice(1)) {
    let lowest = depth
    let end = depth + 1
    let text = segment
    for (let decodings = 0; decodings < 3; decodings++) {
      const isSplit = SEPARATOR.test(text)
      for (const parts of isSplit ? [[text], text.split(SEPARATOR)] : [[text]]) {
        let reached = depth
        for (const part of parts) {
          reached += stepOf(part)
          lowest = Math.min(lowest, reached)
        }
        end = Math.min(end, reached)
      }
      const decoded = respelled(text, DECODED)
      if (decoded === text) break
      text = decoded
    }
    if (lowest < 0) return true
    depth = end
  }
  return false
}

/** How far a segment leads down, at the worst: -1 is up. */
function stepOf(segment: string): number {
  const whole = withDotsDecoded(segment)
  const semicolon = whole.indexOf(';')
  const cut = semicolon === -1 ? whole : whole.slice(0, semicolon)
  if (cut === '..') return -1
  return cut === '' || cut === '.' ? 0 : 1
}
