/**
 * A path without its dot segments (RFC 3986 section 5.2.4), once its dots are decoded. What ends in one is a folder, so
 * that its end is a `/`.
 */
export function withoutDots(path: string): string {
  return path.includes('/.') ? withoutSegments(path, (segment) => segment) : path
}

/** The same for dots in any spelling. All that stays keeps its encoding. */
export function withoutDotSegments(path: string): string {
  return withoutSegments(path, withDotsDecoded)
}

/** Whether a segment is `.` or `..` is told by this. */
export function withDotsDecoded(segment: string): string {
  return segment.includes('%') ? segment.replace(/%2e/gi, '.') : segment
}

function withoutSegments(path: string, dotsOf: (segment: string) => string): string {
  const kept: string[] = []
  const segments = path.split('/')
  const last = segments.length - 1
  for (let index = 1; index <= last; index++) {
    const segment = segments[index]!
    const dots = dotsOf(segment)
    if (dots === '..') kept.pop()
    else if (dots !== '.') {
      kept.push(segment)
      continue
    }
    if (index === last) kept.push('')
  }
  return `/${kept.join('/')}`
}
