import type { Redirect } from '../options.js'
import type { RouteAnswer } from './route-answer.js'

/** A request as its client has sent it. */
export interface RedirectedRequest {
  readonly method: string
  /** Of the client's own connection. */
  readonly scheme: 'http' | 'https'
  /** Host, with or without port. */
  readonly authority: string
  /** Path and query, with the change of the path. */
  readonly target: string
}

const PORT_OF = { http: '80', https: '443' } as const
const AUTHORITY = /^(.*?)(?::(\d*))?$/
/** All but the characters of a URI (RFC 3986 section 2), which can neither end a line nor a value in quotes. */
const NOT_OF_URI = /[^\w\-.~:/?@!$&'()*+,;=%[\]]/g

/**
 * Sends a client elsewhere. The location always has scheme and authority: a path that begins with `//` is a host for
 * browsers. What the route does not say stays; but with a scheme, the port is that of the scheme.
 */
export function redirectAnswer(redirect: Redirect, request: RedirectedRequest): RouteAnswer {
  const { scheme = request.scheme, host, port: givenPort } = redirect
  const [, sentHost = '', sentPort = ''] = AUTHORITY.exec(request.authority) ?? []
  const port = givenPort === undefined ? (redirect.scheme ? '' : sentPort) : `${givenPort}`
  const authority = (host ?? sentHost) + (port === '' || port === PORT_OF[scheme] ? '' : `:${port}`)
  const location = `${scheme}://${authority}${request.target.replace(NOT_OF_URI, encodedByte)}`
  return {
    statusCode: redirect.statusCode ?? temporaryFor(request.method),
    fields: ['Location', location, 'Content-Length', '0'],
    body: undefined
  }
}

/** After `302` some clients repeat a POST as a GET; after `307` none changes the method. */
function temporaryFor(method: string): number {
  return method === 'GET' || method === 'HEAD' ? 302 : 307
}

const encodedByte = (char: string): string =>
  [...Buffer.from(char, char <= '\xff' ? 'latin1' : 'utf8')]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('')
