import { networkInterfaces } from 'node:os'

const LINK_LOCAL = /^fe[89ab][0-9a-f]:/i

/** This machine has no such interface. */
export class NoSuchInterface extends Error {
  readonly code = 'LB_NO_INTERFACE'
}

/**
 * The address with the name of its interface as the zone, as libuv before 1.49 takes no number. Where there is no such
 * interface later ones take any other, so that something else would be connected to. Addresses that are not of a link
 * need no zone.
 * @throws {NoSuchInterface}
 */
export function withInterface(hostname: string): string {
  const [address = '', zone] = hostname.split('%')
  if (zone === undefined) return hostname
  if (!LINK_LOCAL.test(address)) return address
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    for (const { family, scopeid } of addresses as { family: string; scopeid?: number }[]) {
      if (name === zone || (family === 'IPv6' && scopeid && String(scopeid) === zone))
        return `${address}%${name}`
    }
  }
  throw new NoSuchInterface()
}
