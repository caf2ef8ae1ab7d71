import { networkInterfaces } from 'node:os'

const LINK_LOCAL = /^fe[89ab][0-9a-f]:/i

/** This machine has no network interface of that name or number. */
export class NoSuchInterface extends Error {
  readonly code = 'LB_NO_INTERFACE'
}

/**
 * A link-local address with the name of its interface as its zone: libuv before 1.49 accepts no number, and later ones
 * use another interface if there is none of that number. Other addresses lose their zone.
 * @throws {NoSuchInterface} if this machine has none
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
