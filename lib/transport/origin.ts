import { isIPv4, isIPv6 } from 'node:net'
import type { BackendTlsOptions } from './origin-options.js'

/** Where a backend is. */
export interface Origin {
  readonly protocol: 'http:' | 'https:'
  /** Host name or IP address, IPv6 without brackets and with its zone; `localhost` for a Unix socket. */
  readonly hostname: string
  /** 0 for a Unix socket. */
  readonly port: number
  /** Path of a Unix socket. */
  readonly socketPath?: string
}

/** Where a backend is, how its certificate is verified, and which protocols it speaks. */
export interface SecureOrigin extends Origin, BackendTlsOptions {
  /** HTTP/2: with prior knowledge or, over TLS, negotiated by ALPN. */
  readonly h2?: boolean
  /** Version of the PROXY protocol header that it is sent on each connection. */
  readonly proxyProtocol?: 1 | 2
}

type Fault = (message: string) => void

const BARE_ADDRESS = /^(\[[^\]]*\]|[^:[\]/]+):(\d+)$/
const HOST_NAME = /^(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i
/** Digits alone after `unix:` are a port of a host of that name. */
const SOCKET = /^(?:(https?):\/\/)?unix:(?!\d*\/?$)(.*)$/is
const URL_FORM = /^[a-z][a-z0-9+.-]*:\/\//i
/** The zone of an IPv6 address, and the text around it. */
const ZONED = /^([^[]*\[[0-9a-f:.]+)%([^\]]*)(\].*)$/i
/** A zone that Node accepts. */
const ZONE = /^[a-z0-9.-]{1,64}$/i
/** Other characters would end an entry of a list, or need escaping where the address is shown. */
const PATH = /^[!#-+\--:<-[\]-~]*$/
/** The size of `sun_path` less its final zero byte: a longer path would be truncated. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

/**
 * Parses the origin of a backend: `host:port`, `[v6]:port`, `http(s)://host:port`, or `unix:/path`, for TLS after
 * `https://`. Calls `fault` for each error.
 */
export function parseOrigin(text: string, fault: Fault): Origin | undefined {
  const [, scheme = 'http', path] = SOCKET.exec(text) ?? []
  if (path !== undefined) return socketOrigin(scheme, path, fault)
  const [, before, written = '', after] = ZONED.exec(text) ?? []
  const isUrl = URL_FORM.test(text)
  const origin = (isUrl ? parseUrl : parseAddress)(before === undefined ? text : before + after, fault)
  if (!origin) return undefined
  if (origin.port < 1 || origin.port > 65_535) {
    fault(`the port must be from 1 to 65535, but is ${origin.port}`)
    return undefined
  }
  if (before === undefined) return origin
  const zone = zoneOf(written, isUrl)
  if (ZONE.test(zone)) return { ...origin, hostname: `${origin.hostname}%${zone}` }
  fault(`"${written}" is not a zone of IPv6; write the name of an interface, such as [fe80::1%eth0]:8080`)
  return undefined
}

/** Whether a text is the address of a Unix socket. */
export const isUnixSocket = (text: string): boolean => SOCKET.test(text)

/** The canonical address: `host:port`, with brackets around IPv6, or `unix:/path`. */
export function addressOf({ hostname, port, socketPath }: Origin): string {
  if (socketPath !== undefined) return `unix:${socketPath}`
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`
}

/** The origin as a URL, in which the zone of an IPv6 address is percent-encoded (RFC 6874 section 2). */
export function originOf(origin: Origin): string {
  const address = addressOf(origin)
  return `${origin.protocol}//${origin.socketPath === undefined ? address.replace('%', '%25') : address}`
}

/**
 * The authority of a backend, for `Host` and `:authority` of requests that name none. It has neither the zone of an IPv6
 * address, which has a meaning on this machine alone (RFC 6874 section 4), nor the path of a socket.
 */
export function authorityOf({ hostname, port }: Pick<Origin, 'hostname' | 'port'>): string {
  if (port === 0) return hostname
  return hostname.includes(':') ? `[${withoutZone(hostname)}]:${port}` : `${hostname}:${port}`
}

const withoutZone = (hostname: string) => hostname.replace(/%.*$/, '')

/** In a URL the `%` before a zone should be encoded, but often is not (RFC 6874 section 3). */
function zoneOf(written: string, isUrl: boolean): string {
  return written.replace(isUrl ? /^25(?=.)/ : /^25(?=[a-z])/i, '')
}

function socketOrigin(scheme: string, written: string, fault: Fault): Origin | undefined {
  // unix:///path has an empty authority, as file:///path has.
  const path = written.replace(/^\/\/(?=\/)/, '')
  const invalid = (message: string) => {
    fault(`the path of a Unix socket ${message}`)
    return undefined
  }
  if (!path.startsWith('/') || path.startsWith('//'))
    return invalid('must be absolute, such as unix:/run/app.sock')
  if (!PATH.test(path))
    return invalid('may hold visible ASCII alone, and no comma, semicolon, double quote or backslash')
  if (path.endsWith('/')) return invalid('must not end with "/", as that of a folder')
  if (path.endsWith(':')) return invalid('must not end with ":"')
  const socketPath = path.replace(/\/(\.?\/)+/g, '/')
  if (Buffer.byteLength(socketPath) > MAX_PATH_BYTES)
    return invalid(`must have no more than ${MAX_PATH_BYTES} bytes`)
  return {
    protocol: `${scheme.toLowerCase() as 'http' | 'https'}:`,
    hostname: 'localhost',
    port: 0,
    socketPath
  }
}

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
  // It has one spelling alone.
  if (isIPv4(host)) return { protocol: 'http:', hostname: host, port: Number(port) }
  const url = `http://${host}/`
  if (!(host.startsWith('[') || HOST_NAME.test(host)) || !URL.canParse(url)) {
    fault(`"${host}" is not a host name or address`)
    return undefined
  }
  // Normalized by URL, so that spellings of the same address are equal.
  return { protocol: 'http:', hostname: withoutBrackets(new URL(url).hostname), port: Number(port) }
}

const withoutBrackets = (host: string) => host.replace(/^\[|\]$/g, '')
