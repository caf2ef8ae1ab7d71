import type { Directive } from '../directive.js'
import { textOf } from '../directive.js'
import { ConvertError, type Findings } from '../findings.js'
import { Scope } from './scope.js'

interface Listener {
  readonly directive: Directive
  readonly address: string
  readonly port: number
  readonly isTls: boolean
  readonly isDefault: boolean
  readonly isProxyProtocol: boolean
}

/** A `server`, with where it listens. */
export interface Server {
  readonly scope: Scope
  readonly directive: Directive
  readonly listeners: readonly Listener[]
}

/** The port that is converted, and its servers: the default one first. */
export interface ServersOfPort {
  readonly port: number
  readonly servers: readonly Server[]
  readonly isTls: boolean
  readonly isProxyProtocol: boolean
  /** A port without TLS whose servers do nothing but redirect to `https`. */
  readonly redirectPort: number | undefined
}

/** All servers of `http`. */
export function serversIn(http: Scope, findings: Findings): Server[] {
  return http.own('server').map((directive) => {
    const scope = new Scope(directive.block ?? [], http)
    const given = scope.own('listen')
    const listeners = given.flatMap((listen) => listenerOf(listen, findings))
    const byDefault = { address: '*', port: 80, isTls: false, isDefault: false, isProxyProtocol: false }
    return {
      scope,
      directive,
      listeners: given.length > 0 ? listeners : [{ directive, ...byDefault }]
    }
  })
}

function listenerOf(directive: Directive, findings: Findings): Listener[] {
  const [place = '', ...options] = directive.args
  const [, address = '*', port] = /^(?:(\[[\da-f:.]*\]|[\w.*-]*[.*a-z][\w.*-]*):?)?(\d+)?$/i.exec(place) ?? []
  if (place.startsWith('unix:') || (port === undefined && !/^(?:\[|[\w.*-]+$)/.test(place))) {
    findings.leftOut(directive.at, textOf(directive), 'it listens on a port of TCP')
    return []
  }
  if (options.includes('quic')) {
    findings.leftOut(directive.at, textOf(directive), 'it does not speak HTTP/3')
    return []
  }
  return [
    {
      directive,
      address: address.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port ?? 80),
      isTls: options.includes('ssl'),
      isDefault: options.includes('default_server') || options.includes('default'),
      isProxyProtocol: options.includes('proxy_protocol')
    }
  ]
}

/**
 * Chooses the port that most servers listen at, or the wanted one; one balancer has one port.
 * @throws {ConvertError} if no server listens there
 */
export function serversOf(
  servers: readonly Server[],
  wanted: number | undefined,
  findings: Findings
): ServersOfPort {
  const at = (port: number) =>
    servers.filter(({ listeners }) => listeners.some((listener) => listener.port === port))
  const isTls = (port: number) =>
    at(port).some(({ listeners }) => listeners.some((one) => one.port === port && one.isTls))
  const ports = [...new Set(servers.flatMap(({ listeners }) => listeners.map(({ port }) => port)))]
  // With as many servers, the one with TLS: nobody is to lose it.
  const weightOf = (port: number) =>
    at(port).filter((server) => !redirectsToHttps(server)).length + (isTls(port) ? 0.5 : 0)
  const port = wanted ?? [...ports].sort((a, b) => weightOf(b) - weightOf(a))[0]
  if (port === undefined || !ports.includes(port))
    throw new ConvertError(wanted ? `no server listens on port ${wanted}` : 'there is no server in it')

  const redirectPort = isTls(port)
    ? ports.find((other) => other !== port && !isTls(other) && at(other).every(redirectsToHttps))
    : undefined
  for (const { listeners } of servers)
    for (const { directive, port: other } of listeners)
      if (other !== port && other !== redirectPort)
        findings.leftOut(
          directive.at,
          directive.name === 'listen' ? textOf(directive) : 'server without listen',
          `a balancer has one port: convert again with --port ${other} for another one`
        )
  const chosen = at(port)
  const own = chosen.map((server) => server.listeners.find((one) => one.port === port)!)
  const first = Math.max(
    own.findIndex(({ isDefault }) => isDefault),
    0
  )
  for (const { directive, address } of own)
    if (!/^(?:\*|0\.0\.0\.0|::|)$/.test(address))
      findings.differs(
        directive.at,
        textOf(directive),
        `it listens at all addresses unless FASTIFY_ADDRESS=${address} is set`
      )
  return {
    port,
    servers: [chosen[first]!, ...chosen.filter((_, index) => index !== first)],
    isTls: own.some((listener) => listener.isTls),
    isProxyProtocol: own.some((listener) => listener.isProxyProtocol),
    redirectPort
  }
}

/** Whether a server does nothing but send to the same place by `https`. */
function redirectsToHttps({ scope }: Server): boolean {
  const toHttps = (directives: readonly Directive[]) =>
    directives.some(
      ({ name, args }) =>
        (name === 'return' &&
          /^https:\/\/\$(?:host|server_name|http_host)\$request_uri$/.test(args[1] ?? '')) ||
        (name === 'rewrite' && /^https:\/\/\$(?:host|server_name|http_host)/.test(args[1] ?? ''))
    )
  const blocks = scope.directives.filter(({ name }) => name === 'if' || name === 'location')
  if (scope.directives.some(({ name }) => /_pass$/.test(name))) return false
  if (toHttps(scope.directives)) return true
  // What certbot writes: an if for each host, and 404 for others.
  return (
    blocks.length > 0 && blocks.some(({ block = [] }) => toHttps(block ?? [])) && !hasPass(scope.directives)
  )
}

function hasPass(directives: readonly Directive[]): boolean {
  return directives.some(({ name, block }) => /_pass$/.test(name) || (block && hasPass(block)))
}
