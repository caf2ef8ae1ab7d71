import type { RequestInfo } from '../../lib/transport/http1/response-parser.js'
import type { Told } from './recorder.js'

/** A valid response, and what is to be told of it. */
export interface Example {
  readonly name: string
  readonly asked: RequestInfo
  readonly bytes: Buffer
  readonly told: readonly Told[]
  /** It ends with its connection. */
  readonly closes: boolean
  /** The connection may be used again. */
  readonly persistent: boolean
}

const GET: RequestInfo = { method: 'GET' }
const HEAD: RequestInfo = { method: 'HEAD' }
const OFFER: RequestInfo = { method: 'GET', upgrade: 'h3, WebSocket' }

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const CHUNKED_HEAD: Told = ['head', 'HTTP/1.1 200 OK\r\n']
const SWITCH = 'HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'

const ends = (name: string, asked: RequestInfo, text: string, ...told: Told[]) => ({
  ...{ name, asked, bytes: Buffer.from(text, 'latin1'), told },
  ...{ closes: false, persistent: true }
})
const closing = (...example: Parameters<typeof ends>) => ({ ...ends(...example), persistent: false })
const untilClose = (...example: Parameters<typeof ends>) => ({ ...closing(...example), closes: true })

/** One of every way that a response can be framed. */
export const EXAMPLES: readonly Example[] = [
  ends(
    'a body of a declared length',
    GET,
    'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nA: 1\r\n\r\nhello\r\n\r\n\0\xff',
    ['head', 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nA: 1\r\n'],
    ['data', 'hello\r\n\r\n\0\xff'],
    ['end']
  ),
  ends(
    'no body, declared',
    GET,
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    ['head', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n'],
    ['end']
  ),
  ends(
    'HTTP/1.0 that keeps its connection',
    GET,
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx',
    ['head', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n'],
    ['data', 'x'],
    ['end']
  ),
  closing(
    'a length and a connection that closes',
    GET,
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx',
    ['head', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n'],
    ['data', 'x'],
    ['end']
  ),
  ends(
    'chunks with extensions',
    GET,
    `${CHUNKED}5;\r\nhello\r\n6;a=b;c="d\t e\xe9"\r\n world\r\n1 ; a\r\n!\r\n0;last\r\n\r\n`,
    CHUNKED_HEAD,
    ['data', 'hello world!'],
    ['end']
  ),
  ends(
    'chunks of sizes written in every way',
    GET,
    `${CHUNKED}A\r\n0123456789\r\na\r\nabcdefghij\r\n0000000000001\r\nk\r\n1 \t\r\nl\r\n00\r\n\r\n`,
    CHUNKED_HEAD,
    ['data', '0123456789abcdefghijkl'],
    ['end']
  ),
  ends('no chunk at all', GET, `${CHUNKED}0\r\n\r\n`, CHUNKED_HEAD, ['end']),
  ends(
    'trailers without those that frame, route or belong to the connection',
    GET,
    `${CHUNKED}2\r\n\r\n\r\n0\r\nX-Sum: 1\r\nContent-Length: 5\r\nx-b:\t caf\xe9 \t\r\nTE: x\r\nX-sum:\r\n\r\n`,
    CHUNKED_HEAD,
    ['data', '\r\n'],
    ['end', 'X-Sum', '1', 'x-b', 'caf\xe9', 'X-sum', '']
  ),
  untilClose(
    'a body that ends with its connection',
    GET,
    'HTTP/1.1 200 OK\r\nA: 1\r\n\r\nhello\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    ['head', 'HTTP/1.1 200 OK\r\nA: 1\r\n'],
    ['data', 'hello\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['end']
  ),
  untilClose(
    'the same without a byte, in HTTP/1.0',
    GET,
    'HTTP/1.0 200\r\nConnection: keep-alive\r\n\r\n',
    ['head', 'HTTP/1.1 200 \r\n'],
    ['end']
  ),
  ends(
    'a response to HEAD, with the length of another',
    HEAD,
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    ['head', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n'],
    ['end']
  ),
  ends('a response to HEAD, of chunks', HEAD, CHUNKED, CHUNKED_HEAD, ['end']),
  ends(
    'a response to HEAD that would end with its connection',
    HEAD,
    'HTTP/1.1 404 No\r\n\r\n',
    ['head', 'HTTP/1.1 404 No\r\n'],
    ['end']
  ),
  ends(
    '204 with a length',
    GET,
    'HTTP/1.1 204 No\r\nContent-Length: 5\r\nA: 1\r\n\r\n',
    ['head', 'HTTP/1.1 204 No\r\nA: 1\r\n'],
    ['end']
  ),
  ends(
    '204 with chunks',
    GET,
    'HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n',
    ['head', 'HTTP/1.1 204 No\r\n'],
    ['end']
  ),
  ends(
    '304 with the length of what has not changed',
    GET,
    'HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n',
    ['head', 'HTTP/1.1 304 Same\r\nContent-Length: 5\r\n'],
    ['end']
  ),
  ends(
    'interim responses before the final one',
    GET,
    `HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 103\r\n\r\n${CHUNKED}1\r\nx\r\n0\r\n\r\n`,
    ['interim', 'HTTP/1.1 100 Continue\r\n'],
    ['interim', 'HTTP/1.1 103 Early\r\nLink: </a>\r\n'],
    ['interim', 'HTTP/1.1 103 \r\n'],
    CHUNKED_HEAD,
    ['data', 'x'],
    ['end']
  ),
  untilClose(
    'a change to a protocol that was offered, after an interim response',
    OFFER,
    `HTTP/1.1 103\r\n\r\n${SWITCH}Content-Length: 3\r\n\r\n\x81\x05hello`,
    ['interim', 'HTTP/1.1 103 \r\n'],
    ['head', 'HTTP/1.1 101 Switch\r\n'],
    ['data', '\x81\x05hello'],
    ['end']
  ),
  ends(
    'an offer that is not taken',
    OFFER,
    'HTTP/1.1 426 No\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx',
    ['head', 'HTTP/1.1 426 No\r\nContent-Length: 1\r\n'],
    ['data', 'x'],
    ['end']
  )
]
