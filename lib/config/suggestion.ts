const MAX_DISTANCE = 2
const MIN_PREFIX = 4

/** `; did you mean x?`, if one of the known names is near enough, or begins alike; otherwise empty. */
export function suggestion(name: string, known: readonly string[]): string {
  const best = nearest(name, known) || withLongestPrefix(name, known)
  return best === '' ? '' : `; did you mean ${best}?`
}

/** The one with the fewest differences. */
function nearest(name: string, known: readonly string[]): string {
  let best = ''
  let least = Math.min(MAX_DISTANCE, Math.floor(name.length / 2)) + 1
  for (const each of known) {
    const distance = distanceOf(name, each)
    if (distance >= least) continue
    best = each
    least = distance
  }
  return best
}

/** The one that has the most characters at its beginning in common. */
function withLongestPrefix(name: string, known: readonly string[]): string {
  let best = ''
  let longest = MIN_PREFIX - 1
  for (const each of known) {
    let length = 0
    while (length < each.length && each[length] === name[length]) length++
    if (length <= longest) continue
    best = each
    longest = length
  }
  return best
}

/** How many characters have to be added, removed, replaced or swapped with their neighbour to make one text of another. */
function distanceOf(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MAX_DISTANCE) return MAX_DISTANCE + 1
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const cost = from[i - 1] === to[j - 1] ? 0 : 1
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost)
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      if (isSwapped) least = Math.min(least, beforeLast[j - 2]! + 1)
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[to.length]!
}
