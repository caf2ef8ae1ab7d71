import { isIP, SocketAddress } from 'node:net'
import { domainToASCII } from 'node:url'
import type { ClientConnection } from '../../lib/proxy/dry-run/parsed-request.js'

/** What the command line says of a request. */
export interface GivenRequest {
  readonly method: string
  /** A URL, or a path and a query alone. */
  readonly url: string
  /** Whether the balancer speaks TLS: what a path alone comes by. */
  readonly isSecureByDefault?: boolean
  /** `Name: value`. */
  readonly headers: readonly string[]
  readonly client: string
  readonly port: number
  readonly tlsName: string | undefined
}

/** A request, as a client sends it. */
export interface SentRequest {
  readonly head: Buffer
  readonly connection: ClientConnection
}

const URL_PARTS = /^(?:(https?):\/\/([^/?#]+))?((?:\/|\?|$)[^#]*|\*)(?:#.*)?$/i
const METHOD = /^[!#$%&'*+\-.^_`|~\w]+$/
const HEADER = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*([^\r\n\0]*)$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: no target has them
const NOT_OF_TARGET = /[\x00-\x20\x7f]/
const USER = /^.*@/
const PORT = /:\d*$/

/**
 * The request of a command line. Its target stays as it is written, dot segments and encodings included.
 * @throws if it cannot be one
 */
export function sentRequest({
  method,
  url,
  headers,
  client,
  port,
  tlsName,
  ...more
}: GivenRequest): SentRequest {
  if (!METHOD.test(method)) throw new Error(`"${method}" is not a method`)
  const [, scheme, authority = 'localhost', path = ''] = URL_PARTS.exec(url) ?? []
  if (!URL_PARTS.test(url) || NOT_OF_TARGET.test(url))
    throw new Error(`"${url}" must be a URL such as http://app.example/path, or a path`)
  const family = isIP(client)
  if (family === 0) throw new Error(`--client must be an IP address, but is "${client}"`)
  const { address: clientAddress } = new SocketAddress({ address: client, family: `ipv${family as 4 | 6}` })
  const isSecure = scheme === undefined ? (more.isSecureByDefault ?? false) : /^https$/i.test(scheme)
  if (tlsName !== undefined && !isSecure) throw new Error('--tls-name needs a URL that begins with https://')
  const host = asciiHost(authority.replace(USER, ''))
  const lines = headers.map(headerLine)
  const target = path.startsWith('/') || path === '*' ? path : `/${path}`
  const head = [
    `${method} ${target} HTTP/1.1`,
    ...(lines.some((line) => /^host:/i.test(line)) ? [] : [`Host: ${host}`]),
    ...lines,
    '',
    ''
  ].join('\r\n')
  const ownName = host.replace(PORT, '')
  // Clients name no address in the handshake (RFC 6066 section 3).
  const asked = tlsName ?? (isIP(ownName.replace(/^\[|\]$/g, '')) ? '' : ownName)
  return {
    head: Buffer.from(head),
    connection: { clientAddress, localPort: port, tlsName: isSecure ? asked : undefined }
  }
}

/** The authority as clients send it: names in ASCII. */
function asciiHost(authority: string): string {
  const [port = ''] = PORT.exec(authority) ?? []
  const name = authority.slice(0, authority.length - port.length)
  return (/[^\x21-\x7e]/.test(name) ? domainToASCII(name) : name) + port
}

function headerLine(text: string): string {
  const [, name, value] = HEADER.exec(text) ?? []
  if (name === undefined) throw new Error(`"${text}" must be a field such as "X-Version: 2"`)
  return `${name}: ${value}`
}
