import { isIPv6 } from 'node:net'
import type { BackendTlsOptions } from './origin-options.js'

/** Where a backend is. */
export interface Origin {
  readonly protocol: 'http:' | 'https:'
  /** Host name or IP literal, without the brackets of IPv6, with its zone; `localhost` for a Unix socket. */
  readonly hostname: string
  /** 0 for a Unix socket. */
  readonly port: number
  /** Of a Unix socket. */
  readonly socketPath?: string
}

/** Where a backend is, what is asked of its certificate, and how it is spoken to. */
export interface SecureOrigin extends Origin, BackendTlsOptions {
  /** It is spoken to in HTTP/2: that is known beforehand, or has to be agreed to over TLS. */
  readonly h2?: boolean
  /** The version of the PROXY protocol in which it is told at the start of a connection whose that is. */
  readonly proxyProtocol?: 1 | 2
}

type Fault = (message: string) => void

const BARE_ADDRESS = /^(\[[^\]]*\]|[^:[\]/]+):(\d+)$/
const HOST_NAME = /^(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i
/** What could be a port behind a host of that name is one. */
const SOCKET = /^(?:(https?):\/\/)?unix:(?!\d*\/?$)(.*)$/is
const URL_FORM = /^[a-z][a-z0-9+.-]*:\/\//i
/** The zone of an IPv6 address, and what stands around it. */
const ZONED = /^([^[]*\[[0-9a-f:.]+)%([^\]]*)(\].*)$/i
/** What Node takes for one. */
const ZONE = /^[a-z0-9.-]{1,64}$/i
/** The others would end an entry of a list, or have to be escaped where the address is shown. */
const PATH = /^[!#-+\--:<-[\]-~]*$/
/** As much as fits into the address of a socket, which ends with a zero byte: else it would be cut off. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

/**
 * Reads where a backend is: `host:port`, `[v6]:port`, an `http(s)://` origin, or `unix:/path`, for TLS behind `https://`.
 * Calls `fault` once for everything that is wrong.
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

/** Whether a text means a Unix socket. */
export const isUnixSocket = (text: string): boolean => SOCKET.test(text)

/** `host:port`, with brackets around IPv6, or `unix:/path`: one backend has one, however it was written. */
export function addressOf({ hostname, port, socketPath }: Origin): string {
  if (socketPath !== undefined) return `unix:${socketPath}`
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`
}

/** The same as a URL, in which the zone of an IPv6 address is encoded (RFC 6874 section 2). */
export function originOf(origin: Origin): string {
  const address = addressOf(origin)
  return `${origin.protocol}//${origin.socketPath === undefined ? address.replace('%', '%25') : address}`
}

/**
 * The authority of a backend: what `Host` and `:authority` say where nobody else has named a host. The zone of an IPv6
 * address means something on this machine alone (RFC 6874 section 4), and so does the path of a socket.
 */
export function authorityOf({ hostname, port }: Pick<Origin, 'hostname' | 'port'>): string {
  if (port === 0) return hostname
  return hostname.includes(':') ? `[${withoutZone(hostname)}]:${port}` : `${hostname}:${port}`
}

const withoutZone = (hostname: string) => hostname.replace(/%.*$/, '')

/** In a URL the `%` before it is encoded, but mostly it is not (RFC 6874 section 3). */
function zoneOf(written: string, isUrl: boolean): string {
  return written.replace(isUrl ? /^25(?=.)/ : /^25(?=[a-z])/i, '')
}

function socketOrigin(scheme: string, written: string, fault: Fault): Origin | undefined {
  // unix:///path has an empty authority, as other URLs of files have.
  const path = written.replace(/^\/\/(?=\/)/, '')
  const wrong = (message: string) => {
    fault(`the path of a Unix socket ${message}`)
    return undefined
  }
  if (!path.startsWith('/') || path.startsWith('//'))
    return wrong('must be absolute, such as unix:/run/app.sock')
  if (!PATH.test(path))
    return wrong('may hold visible ASCII alone, and no comma, semicolon, double quote or backslash')
  if (path.endsWith('/')) return wrong('must not end with "/", as that of a folder')
  if (path.endsWith(':')) return wrong('must not end with ":"')
  const socketPath = path.replace(/\/(\.?\/)+/g, '/')
  if (Buffer.byteLength(socketPath) > MAX_PATH_BYTES)
    return wrong(`must have no more than ${MAX_PATH_BYTES} bytes`)
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
  const url = `http://${host}/`
  if (!(host.startsWith('[') || HOST_NAME.test(host)) || !URL.canParse(url)) {
    fault(`"${host}" is not a host name or address`)
    return undefined
  }
  // As URL writes it, so that two spellings of one address are seen to be the same.
  return { protocol: 'http:', hostname: withoutBrackets(new URL(url).hostname), port: Number(port) }
}

const withoutBrackets = (host: string) => host.replace(/^\[|\]$/g, '')
