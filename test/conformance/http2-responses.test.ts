import { test } from '../helper.js'
import { Http2Client } from '../support/http2-client.js'
import { forHttp2 } from '../support/secure-ports.js'
import { openStage } from './harness.js'

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked'
const withTrailers = (...lines: string[]) =>
  `${CHUNKED}\r\n\r\n2\r\nok\r\n0\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`
const head = (status: number, ...lines: string[]) => [`HTTP/1.1 ${status} X`, ...lines, '', ''].join('\r\n')
const whole = (...lines: string[]) => `${head(200, 'Content-Length: 2', ...lines)}ok`
const OF_CONNECTION = ['TE: x', 'HTTP2-Settings: x', 'Proxy-Connection: x', 'Keep-Alive: x', 'Upgrade: x']
const INHERITED = ['constructor: a', '__proto__: b', 'toString: c']

interface Case {
  readonly name: string
  /** What a backend sends. */
  readonly sent: string
  /** Some of what the client gets. */
  readonly gets: Readonly<Record<string, unknown>>
}

const OK = { status: 200, body: 'ok', code: 0 }
const BROKEN = { status: 502, code: 0 }

/** What Node does not send by HTTP/2 as it comes, or not at all. */
const CASES: readonly Case[] = [
  {
    name: 'fields of which Node takes one, twice',
    sent: whole('ETag: a', 'ETag: b', 'Set-Cookie: c', 'Set-Cookie: d'),
    gets: { ...OK, headers: { etag: 'a, b', 'set-cookie': ['c', 'd'] } }
  },
  {
    name: 'fields of the connection',
    sent: whole(...OF_CONNECTION, 'Last: a'),
    gets: { ...OK, headers: { last: 'a', te: undefined, 'http2-settings': undefined, upgrade: undefined } }
  },
  {
    name: 'names that every object has',
    sent: whole(...INHERITED),
    gets: { ...OK, headers: { constructor: 'a', tostring: 'c' } }
  },
  {
    name: 'an interim response with one field twice',
    sent: head(103, 'Content-Type: a', 'Content-Type: b') + whole(),
    gets: { ...OK, interim: [103] }
  },
  {
    name: 'an interim response with fields of the connection',
    sent: head(103, 'Connection: x', ...OF_CONNECTION) + whole(),
    gets: { ...OK, interim: [103] }
  },
  {
    name: 'trailers of which Node takes one, twice',
    sent: withTrailers('ETag: a', 'ETag: b', 'Location: c', 'Location: d'),
    gets: { ...OK, trailers: { etag: 'a, b', location: 'c, d' } }
  },
  {
    name: 'trailers of the connection',
    sent: withTrailers('Connection: x', ...OF_CONNECTION, 'Last: a'),
    gets: { ...OK, trailers: { last: 'a', 'http2-settings': undefined } }
  },
  {
    name: 'trailers with names that every object has',
    sent: withTrailers(...INHERITED),
    gets: { ...OK, trailers: { constructor: 'a', tostring: 'c' } }
  },
  { name: 'a status above 599', sent: `${head(600, 'Content-Length: 2')}ok`, gets: BROKEN },
  {
    name: 'a status above 599 in chunks',
    sent: withTrailers('A: b').replace('200', '999'),
    gets: BROKEN
  },
  {
    name: 'a 205 with a body',
    sent: `${head(205, 'Content-Length: 2')}ok`,
    gets: { status: 205, body: '', code: 0 }
  },
  { name: 'a 101 that was not asked for', sent: head(101, 'Upgrade: websocket'), gets: BROKEN }
]

test('what backends send passes by HTTP/2, or is answered for', async (t) => {
  const stage = await openStage(t, forHttp2())
  const client = await Http2Client.open(t, stage.balancer.port)
  for (const { name, sent, gets } of CASES) {
    stage.act = sent
    t.match(await client.get('/'), gets, name)
    await stage.reset()
  }
  stage.act = whole()
  t.match(await client.get('/'), OK, 'the session goes on')
  t.notOk(stage.balancer.log.some(({ level }) => level >= 50))
})
