import { isIP } from 'node:net'
import { LIST_IN_FILE, parsed } from '../../base/values/values.js'
import type { DiscoveryOptions } from '../../discovery/options.js'
import { parseOrigin } from '../../transport/origin.js'
import { type ValuesOf, variable } from '../variable.js'

const DNS_PORT = 53

/** The variables of discovery: how the sources of backends are asked. */
export const discoveryVariables = {
  LB_DNS_SERVERS: variable(dnsServers(), {
    description:
      'DNS servers that sources of backends (`dns://`, `dns+srv://`) are asked of, by their addresses: `10.0.0.2`, ' +
      '`10.0.0.2:5353`, `[fd00::2]:53`. Empty for those of `/etc/resolv.conf`.',
    fallback: '',
    flags: '--dns-servers <addresses>'
  })
}

type Values = ValuesOf<typeof discoveryVariables>

/** Options of discovery. */
export function discoveryOf(values: Values): DiscoveryOptions {
  return { dns: { servers: values.LB_DNS_SERVERS } }
}

/** Addresses with or without a port, separated by commas or spaces. */
function dnsServers() {
  return parsed<readonly string[]>(
    (text, fault) =>
      text
        .split(/[\s,]+/)
        .filter(Boolean)
        .map((server) => {
          const family = isIP(server)
          const written =
            family === 6 ? `[${server}]:${DNS_PORT}` : family === 4 ? `${server}:${DNS_PORT}` : server
          const origin = parseOrigin(written, () => {})
          if (!origin || isIP(origin.hostname.replace(/%.*$/, '')) === 0)
            fault(`must list addresses of servers such as 10.0.0.2 or [fd00::2]:5353, but has "${server}"`)
          return written
        }),
    LIST_IN_FILE
  )
}
