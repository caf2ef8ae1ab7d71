import { isIP } from 'node:net'
import { type Server, serverAt } from './server.js'

/** How names are asked for. */
export interface ResolverConfig {
  /** In the order in which they are asked. */
  readonly servers: readonly Server[]
  /** Domains in which names are looked up that are not complete. */
  readonly search: readonly string[]
  /** Names with so many dots are first looked up as they are. */
  readonly ndots: number
  /** Until the next server is asked. */
  readonly timeoutMs: number
  /** How often each server is asked. */
  readonly attempts: number
  /** Whether each question begins with another server. */
  readonly isRotating: boolean
  readonly isTcpOnly: boolean
  /** Whether IPv6 addresses are not asked for. */
  readonly isIPv4Only: boolean
}

const DNS_PORT = 53
/** Those of glibc, which a file cannot exceed. */
const MAX_SERVERS = 3
const MAX_NDOTS = 15
const MAX_TIMEOUT_S = 30
const MAX_ATTEMPTS = 5

/** Where nothing else is said. Resolvers wait for 5 s; but there the one who asks cannot use what he had. */
export const DEFAULTS: ResolverConfig = {
  servers: [],
  search: [],
  ndots: 1,
  timeoutMs: 1000,
  attempts: 3,
  isRotating: false,
  isTcpOnly: false,
  isIPv4Only: false
}

/**
 * Reads a `resolv.conf`, as resolv.conf(5) describes it; what it does not know is ignored.
 * @param hostname of this machine, in whose domain names are looked up if the file has no other
 */
export function parseResolvConf(text: string, hostname: string): ResolverConfig {
  const servers: Server[] = []
  let search = hostname.includes('.') ? [hostname.replace(/^[^.]*\./, '')] : []
  let config = DEFAULTS
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/)
    const [first] = values
    if (first === undefined) continue
    if (keyword === 'nameserver' && isIP(first) !== 0) servers.push(serverAt(first, DNS_PORT))
    else if (keyword === 'search') search = values
    else if (keyword === 'domain') search = [first]
    else if (keyword === 'options') config = values.reduce(withOption, config)
  }
  if (servers.length === 0) servers.push(serverAt('127.0.0.1', DNS_PORT))
  return { ...config, search, servers: servers.slice(0, MAX_SERVERS) }
}

function withOption(config: ResolverConfig, option: string): ResolverConfig {
  const [name, value = ''] = option.split(':')
  const amount = /^\d{1,9}$/.test(value) ? Number(value) : undefined
  switch (name) {
    case 'ndots':
      return amount === undefined ? config : { ...config, ndots: Math.min(amount, MAX_NDOTS) }
    case 'timeout':
      return amount ? { ...config, timeoutMs: Math.min(amount, MAX_TIMEOUT_S) * 1000 } : config
    case 'attempts':
      return amount ? { ...config, attempts: Math.min(amount, MAX_ATTEMPTS) } : config
    case 'rotate':
      return { ...config, isRotating: true }
    case 'use-vc':
      return { ...config, isTcpOnly: true }
    case 'no-aaaa':
      return { ...config, isIPv4Only: true }
    default:
      return config
  }
}
