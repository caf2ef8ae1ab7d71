/** What some servers read otherwise than others: encoded or not, as encodings are decoded twice by some. */
const AMBIGUOUS = /[\\;]|\/\/|\/\.\.?(?:\/|$)|%(?:25)*(?:2e|2f|5c|3b)/i
const ENCODED = /%([0-9a-f]{2})/gi
/** Letters, digits, `-`, `.`, `_` and `~` (RFC 3986 section 2.3). */
const UNRESERVED = /[\w\-.~]/
const SEPARATOR = /[/\\]/

/** Whether there is more than one way to read a path, without its query. */
export function isAmbiguous(path: string): boolean {
  return AMBIGUOUS.test(path)
}

/** A path with the characters decoded that never need an encoding (RFC 3986 section 6.2.2.2). */
export function withUnreservedDecoded(path: string): string {
  return path.replace(ENCODED, (encoded, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16))
    return UNRESERVED.test(char) ? char : encoded
  })
}

const decoded = (path: string) =>
  path.replace(ENCODED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** Whether a segment is `.` or `..` is told by this. */
const dotsOf = (segment: string) => segment.replace(/%2e/gi, '.')

/**
 * A path without its dot segments (RFC 3986 section 5.2.4), however they are written. All that stays keeps its encoding.
 */
export function withoutDotSegments(path: string): string {
  const segments: string[] = []
  const parts = path.split('/').slice(1)
  for (const [index, segment] of parts.entries()) {
    const dots = dotsOf(segment)
    if (dots !== '.' && dots !== '..') {
      segments.push(segment)
      continue
    }
    if (dots === '..') segments.pop()
    // What ends in dots is a folder.
    if (index === parts.length - 1) segments.push('')
  }
  return `/${segments.join('/')}`
}

/**
 * Whether some server may read a path as one that leads above where it begins, at any point of it. Servers decode it
 * not at all, once, or twice, take `\` for `/` or not, cut off what follows a `;` or not, and merge slashes or not.
 * Each segment is read in the worst of these ways, so that no mixture of them is missed.
 */
export function mayClimb(path: string): boolean {
  let depth = 0
  for (const segment of path.split('/').slice(1)) {
    const once = decoded(segment)
    const twice = decoded(once)
    let lowest = depth
    let end = depth + 1
    for (const text of once === segment ? [segment] : [segment, once, twice])
      for (const parts of SEPARATOR.test(text) ? [[text], text.split(SEPARATOR)] : [[text]]) {
        let reached = depth
        for (const part of parts) {
          reached += stepOf(part)
          lowest = Math.min(lowest, reached)
        }
        end = Math.min(end, reached)
      }
    if (lowest < 0) return true
    depth = end
  }
  return false
}

/** How far a segment leads down, at the worst: -1 is up. */
function stepOf(segment: string): number {
  const whole = dotsOf(segment)
  const semicolon = whole.indexOf(';')
  const cut = semicolon === -1 ? whole : whole.slice(0, semicolon)
  if (cut === '..') return -1
  return cut === '' || cut === '.' ? 0 : 1
}
