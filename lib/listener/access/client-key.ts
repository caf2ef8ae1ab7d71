/** The first four groups of an IPv6 address, which are the network that one client has. */
const NETWORK_GROUPS = 4
const GROUPS = 8
const MAPPED = 0xffff

/**
 * What stands for a client where requests are counted: its IPv4 address, or the /64 of its IPv6 address, as one client
 * has all the addresses of that. However the address is written, it is the same.
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

/** The numbers of an IPv6 address. What names an interface behind it is left out. */
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
