/** The groups of an IPv6 address that form a /64. */
const NETWORK_GROUPS = 4
const GROUPS = 8
const MAPPED = 0xffff

/**
 * The key under which the requests of a client are counted: its IPv4 address, or the /64 of its IPv6 address, all of
 * which one client usually has. It does not depend on how the address is written.
 */
export function clientKey(address: string): string {
  if (!address.includes(':')) return address
  const groups = groupsOf(address)
  if (groups[5] === MAPPED && groups.slice(0, 5).every((group) => group === 0))
    return groups
      .slice(6)
      .map((group) => `${group >> 8}.${group & 255}`)
      .join('.')
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.toString(16))
  return `${network.join(':')}::/64`
}

/** The eight numbers of an IPv6 address; its zone is ignored. */
function groupsOf(address: string): number[] {
  const [front = '', back] = address.split('%', 1)[0]!.split('::')
  const before = numbers(front)
  if (back === undefined) return before
  const after = numbers(back)
  return [...before, ...Array<number>(GROUPS - before.length - after.length).fill(0), ...after]
}

function numbers(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return Number.parseInt(part, 16)
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}
