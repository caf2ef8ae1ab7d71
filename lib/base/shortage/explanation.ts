import type { Resource } from './resource.js'
import { type ShortageReport, USES, type Use } from './shortages.js'

/** Descriptors beside those of clients and requests: for listening sockets, checks, logs and files. */
const OWN_DESCRIPTORS = 100

const RAISE =
  'raise the limit (LimitNOFILE= of systemd, --ulimit nofile= of Docker, ulimit -n where it is started)'
const REMEDIES: Readonly<Record<Resource, string>> = {
  descriptors: RAISE,
  ports: 'widen net.ipv4.ip_local_port_range, or have backends keep idle connections for longer',
  memory: 'see net.ipv4.tcp_mem, and the memory of this machine'
}
const NAMES: Readonly<Record<Resource, string>> = {
  descriptors: 'file descriptors',
  ports: 'local ports',
  memory: 'memory for sockets'
}
const EFFECTS: Readonly<Record<Use, (count: number) => string>> = {
  clients: (count) =>
    count === 1 ? '1 client connection was refused' : `${count} client connections were refused`,
  backends: (count) =>
    count === 1 ? '1 connection to a backend failed' : `${count} connections to backends failed`,
  checks: (count) => (count === 1 ? '1 health check was not made' : `${count} health checks were not made`),
  other: (count) =>
    count === 1 ? 'nothing more could be opened' : `${count} times nothing more could be opened`
}

/**
 * File descriptors that the configured limits need.
 * @param maxSockets client connections at once
 * @param maxRequests requests in flight at once, each with a connection to a backend
 */
export function descriptorsNeeded(maxSockets: number, maxRequests: number): number {
  return maxSockets + maxRequests + OWN_DESCRIPTORS
}

/** Explains a descriptor limit that is too low, and its remedy. */
export function explainLimit(limit: number, wanted: number): string {
  return (
    `Only ${limit} file descriptors may be open, and LB_MAX_SOCKETS and LB_MAX_CONNECTIONS may take ${wanted}: ` +
    `${RAISE}, or lower these`
  )
}

/**
 * Explains a shortage: the resource, its effects, and the remedy.
 * @param limit of file descriptors, if known
 */
export function explainShortage({ resource, counts }: ShortageReport, limit: number | undefined): string {
  const effects = USES.filter((use) => counts[use] > 0).map((use) => EFFECTS[use](counts[use]))
  const bound = resource === 'descriptors' && limit !== undefined ? ` (${limit} may be open)` : ''
  return `Out of ${NAMES[resource]}${bound}: ${effects.join(', ')}; ${REMEDIES[resource]}`
}
