import { isIPv6 } from 'node:net'
import { z } from 'zod'
import { type BackendOptions, parseOptions } from './backend-options.js'

/** One backend as configured. State and counters live in the registry. */
export interface BackendConfig extends BackendOptions {
  readonly protocol: 'http:' | 'https:'
  /** Host name or IP literal, without the brackets of IPv6. */
  readonly hostname: string
  readonly port: number
  /** `host:port`, with brackets around IPv6: the name in logs and statistics. */
  readonly address: string
}

type Fault = (message: string) => void

const BARE_ADDRESS = /^(\[[^\]]*\]|[^:[\]/]+):(\d+)$/
const HOST_NAME = /^(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i

/**
 * Reads `LB_BACKENDS`: entries separated by commas or white space, each `host:port`, `[v6]:port` or an
 * `http(s)://` origin, followed by `;name=value` options. Calls `fault` once for everything that is wrong.
 */
export function parseBackends(text: string, fault: Fault): BackendConfig[] {
  const backends: BackendConfig[] = []
  const seen = new Set<string>()
  const entries = text.split(/[\s,]+/).filter(Boolean)
  for (const entry of entries) {
    const shown = entry.replace(/\/\/.*@/, '//***@')
    const backend = parseBackend(entry, (message) => fault(`"${shown}": ${message}`))
    if (!backend) continue
    if (seen.has(backend.address)) fault(`"${shown}": duplicate, ${backend.address} is listed twice`)
    seen.add(backend.address)
    backends.push(backend)
  }
  if (entries.length === 0) fault('must name at least one backend, such as 127.0.0.1:8080')
  return backends
}

function parseBackend(entry: string, fault: Fault): BackendConfig | undefined {
  const [place = '', ...given] = entry.split(';')
  return readBackend(place, given, fault)
}

/**
 * Reads one backend. Calls `fault` once for everything that is wrong.
 * @param place `host:port`, `[v6]:port` or an `http(s)://` origin
 * @param given options, each `name=value` or `name`
 */
export function readBackend(
  place: string,
  given: readonly string[],
  fault: Fault
): BackendConfig | undefined {
  const options = parseOptions(given, fault)
  const origin = /^[a-z][a-z0-9+.-]*:\/\//i.test(place) ? parseUrl(place, fault) : parseAddress(place, fault)
  if (!origin) return undefined
  if (origin.port < 1 || origin.port > 65_535) {
    fault(`the port must be from 1 to 65535, but is ${origin.port}`)
    return undefined
  }
  const { tlsName, tlsNoVerify } = options
  if (origin.protocol === 'http:' && (tlsName !== undefined || tlsNoVerify))
    fault(`${tlsNoVerify ? 'tls-no-verify' : 'tls-name'} needs an origin that begins with https://`)
  const host = isIPv6(origin.hostname) ? `[${origin.hostname}]` : origin.hostname
  return { ...origin, address: `${host}:${origin.port}`, ...options }
}

/**
 * The authority of a backend: what `Host` and `:authority` say where nobody else has named a host. The zone of an IPv6
 * address means something on this machine alone (RFC 6874 section 4).
 */
export function authorityOf({ hostname, port }: Pick<Origin, 'hostname' | 'port'>): string {
  return isIPv6(hostname) ? `[${hostname.replace(/%.*$/, '')}]:${port}` : `${hostname}:${port}`
}

/** Where a backend is. */
export type Origin = Pick<BackendConfig, 'protocol' | 'hostname' | 'port'>

/** Where a backend is, what is asked of its certificate, and which HTTP it speaks. */
export type SecureOrigin = Origin & Pick<BackendConfig, 'tlsName' | 'tlsNoVerify' | 'h2' | 'proxyProtocol'>

function parseUrl(text: string, fault: Fault): Origin | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url) {
    fault('is not a valid URL; write http://host:port, with a port from 1 to 65535')
    return undefined
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    fault(`the scheme must be http or https, but is ${url.protocol.slice(0, -1)}`)
    return undefined
  }
  if (url.username || url.password) fault('must not carry a user name or password')
  if (url.pathname !== '/' || url.search || url.hash || text.includes('?') || text.includes('#')) {
    fault('must be an origin without path, query or fragment: requests keep the path that the client sent')
  }
  const defaultPort = url.protocol === 'http:' ? 80 : 443
  const port = url.port === '' ? defaultPort : Number(url.port)
  return { protocol: url.protocol, hostname: withoutBrackets(url.hostname), port }
}

function parseAddress(text: string, fault: Fault): Origin | undefined {
  const match = BARE_ADDRESS.exec(text)
  if (!match) {
    const hint =
      isIPv6(text) || text.split(':').length > 2 ? 'IPv6 needs brackets: [::1]:8080' : 'write host:port'
    fault(`is not a backend address; ${hint}`)
    return undefined
  }
  const [, host = '', port] = match
  const url = `http://${host}/`
  if (!(host.startsWith('[') || HOST_NAME.test(host)) || !URL.canParse(url)) {
    fault(`"${host}" is not a host name or address`)
    return undefined
  }
  // As URL writes it, so that two spellings of one address are seen to be the same.
  return { protocol: 'http:', hostname: withoutBrackets(new URL(url).hostname), port: Number(port) }
}

const withoutBrackets = (host: string) => host.replace(/^\[|\]$/g, '')

/** The schema type of a backend list. */
export function backendList() {
  return z.string().transform((text, ctx): BackendConfig[] => {
    let faulty = false
    const backends = parseBackends(text, (message) => {
      faulty = true
      ctx.addIssue({ code: 'custom', message, input: text })
    })
    return faulty ? z.NEVER : backends
  })
}
