import { test } from '../helper.js'
import { OK, type Script } from '../support/raw-backend.js'
import { fieldValue, fieldValues, statusOf } from '../support/wire.js'
import { openStage } from './harness.js'

const get = (...lines: string[]) => ['GET / HTTP/1.0', ...lines, '', ''].join('\r\n')
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n'
const closing: Script = (_request, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nhello')

const ANSWERS: readonly [name: string, act: string | Script, body: string][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  ['chunks', CHUNKED, 'hello'],
  ['no chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', ''],
  ['the end of the connection', closing, 'hello'],
  ['no body', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  ['a length of none', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '']
]

test('a client of HTTP/1.0 gets what it can read, and then the end', async (t) => {
  const stage = await openStage(t)
  for (const host of [[], ['Host: x']]) {
    for (const [name, act, body] of ANSWERS) {
      stage.act = act
      const client = await stage.client()
      client.send(get(...host))
      await client.untilClosed()
      const response = await client.response()
      const label = `${name}, ${host.length ? 'with' : 'without'} Host`
      t.equal(`${response.body}`, body, `${label} (RFC 9112, 9.3)`)
      t.not(response.framing, 'chunked', `${label} (RFC 9112, 6.1)`)
      t.same(fieldValues(response.fields, 'transfer-encoding'), [], `${label} (RFC 9112, 6.1)`)
      t.same(response.trailers, [])
      t.notMatch(fieldValues(response.fields, 'connection').join(), /keep-alive/i)
    }
  }
  t.ok(await stage.isWell())
})

test('a connection of HTTP/1.0 is kept as long as the client wants and the length is known', async (t) => {
  const stage = await openStage(t)
  const client = await stage.client()
  for (const word of ['keep-alive', 'Keep-Alive', 'foo, keep-alive']) {
    client.send(get('Host: x', `Connection: ${word}`))
    const response = await client.response()
    t.match(fieldValue(response.fields, 'connection'), /keep-alive/i, `${word} (RFC 9112, 9.3)`)
  }
  stage.act = CHUNKED
  client.send(get('Host: x', 'Connection: keep-alive'))
  await client.untilClosed()
  const response = await client.response()
  t.same([response.framing, `${response.body}`], ['close', 'hello'], 'RFC 9112, 6.3')
  t.notMatch(fieldValues(response.fields, 'connection').join(), /keep-alive/i)
  t.equal(stage.backend.connections, 1, 'which is not the business of the backend')
})

test('a request of HTTP/1.0 arrives as one of HTTP/1.1', async (t) => {
  const stage = await openStage(t)
  const { request } = await stage.ask('GET //a/../b?%zz HTTP/1.0\r\nA: 1\r\n\r\n')
  t.equal(request!.startLine, 'GET //a/../b?%zz HTTP/1.1', 'RFC 9110, 2.5')
  t.same(fieldValues(request!.fields, 'host'), [stage.backend.address], 'a Host is needed (RFC 9112, 3.2)')
  t.same(fieldValues(request!.fields, 'a'), ['1'])
})

test('a body of HTTP/1.0 arrives', async (t) => {
  const stage = await openStage(t)
  const { request, response } = await stage.ask('POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello')
  t.equal(statusOf(response), 200)
  t.equal(`${request!.body}`, 'hello', 'RFC 9112, 6.3')
})

test('a failure has a form that HTTP/1.0 can read', async (t) => {
  const stage = await openStage(t)
  const { response } = await stage.ask(get('Host: x'), (_request, socket) => socket.destroy())
  t.equal(statusOf(response), 502)
  t.not(response.framing, 'chunked')
  t.equal((await stage.ask(get('Host: x'), OK)).response.startLine, 'HTTP/1.1 200 OK')
})

test('a backend of HTTP/1.0 closes its connections, or keeps them as it says', async (t) => {
  const stage = await openStage(t)
  const head = 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n'
  for (let i = 1; i <= 2; i++) {
    const { response } = await stage.ask(get('Host: x'), `${head}\r\nok`)
    t.equal(statusOf(response), 200)
    t.equal(response.startLine, 'HTTP/1.1 200 OK', 'RFC 9110, 2.5')
    t.equal(stage.backend.connections, i, 'one request each, as it may close any time (RFC 9112, 9.3)')
  }
})
