import { isIPv6 } from 'node:net'

const MAPPED_IPV4 = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/

/**
 * The canonical form of an address (RFC 5952), so that texts can be compared: an IPv4-mapped address as IPv4, and
 * without a zone, which has a meaning only on the machine that wrote it.
 * @param address an IPv4 or IPv6 address
 */
export function canonicalAddress(address: string): string {
  if (!isIPv6(address)) return address
  const short = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [, high, low] = MAPPED_IPV4.exec(short) ?? []
  if (high === undefined || low === undefined) return short
  const bits = Number.parseInt(high, 16) * 0x1_0000 + Number.parseInt(low, 16)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
}
