import { eventually, test } from '../helper.js'
import { OK } from '../support/raw-backend.js'
import { fieldValues, statusOf } from '../support/wire.js'
import { requestBodies } from './cases/request-bodies.js'
import { openStage, testCases } from './harness.js'

const HELLO = '5\r\nhello\r\n0\r\n'

for (const [name, cases] of Object.entries(requestBodies)) testCases(name, cases)

test('a trailer that would frame the request does not arrive', async (t) => {
  const stage = await openStage(t)
  for (const trailer of ['Content-Length: 3', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip']) {
    const client = await stage.client()
    client.send(
      `PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${HELLO}${trailer}\r\nX: 1\r\n\r\n`
    )
    const response = await client.response()
    t.ok([200, 400].includes(statusOf(response)), `${trailer} (RFC 9110, 6.5.1)`)
    const arrived = stage.requests.flatMap(({ trailers }) => trailers.filter(([name]) => name !== 'X'))
    t.same(arrived, [], `${trailer} (RFC 9110, 6.5.1)`)
    t.ok(await stage.isWell())
  }
})

test('a request without a body stays one', async (t) => {
  const stage = await openStage(t)
  for (const [method, line, lengths] of [
    ['GET', '', [[]]],
    ['DELETE', '', [[]]],
    ['HEAD', '', [[]]],
    ['POST', '', [[], ['0']]],
    ['PUT', '', [[], ['0']]],
    ['POST', 'Content-Length: 0\r\n', [['0']]],
    ['PUT', 'Content-Length: 0\r\n', [['0']]],
    ['PATCH', 'Content-Length: 0\r\n', [['0']]],
    ['GET', 'Content-Length: 0\r\n', [['0'], []]]
  ] as const) {
    const { request } = await stage.ask(`${method} / HTTP/1.1\r\nHost: x\r\n${line}\r\n`, OK, {
      head: method === 'HEAD'
    })
    const got = fieldValues(request!.fields, 'content-length').join()
    t.ok(lengths.map(String).includes(got), `${method} ${line.trim()}: ${got} (RFC 9110, 8.6)`)
    t.same(fieldValues(request!.fields, 'transfer-encoding'), [], `${method} ${line.trim()} (RFC 9112, 6.3)`)
  }
})

test('a body passes while it is being sent', async (t) => {
  const stage = await openStage(t)
  for (const [framing, first, rest] of [
    ['Content-Length: 10', 'hello', 'world'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n', '5\r\nworld\r\n0\r\n\r\n']
  ] as const) {
    let arrived = ''
    stage.raw = (bytes, socket) => {
      arrived = bytes.toString('latin1')
      if (arrived.includes('world')) socket.end(OK)
    }
    const client = await stage.client()
    client.send(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`)
    await t.resolves(
      eventually(() => arrived.includes('\r\n\r\n')),
      `the head comes first: ${framing}`
    )
    client.send(first)
    await t.resolves(
      eventually(() => arrived.includes('hello')),
      `then what there is: ${framing} (RFC 9112, 7.1)`
    )
    client.send(rest)
    t.equal(statusOf(await client.response()), 200)
    await stage.reset()
  }
})

test('a body that its client does not finish is not finished for the backend', async (t) => {
  const stage = await openStage(t)
  for (const [framing, part] of [
    ['Content-Length: 10', 'hello'],
    ['Content-Length: 10', ''],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n'],
    ['Transfer-Encoding: chunked', '9\r\nhello'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\nX: y\r\n']
  ] as const) {
    for (const how of ['end', 'destroy'] as const) {
      const before = stage.bytes
      const client = await stage.client()
      client.send(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${part}`)
      await eventually(() => stage.bytes > before, 500).catch(() => {})
      client.socket[how]()
      await eventually(() => stage.usedConnections() === 0).catch(() => {})
      t.equal(stage.usedConnections(), 0, `${how} amid ${framing}, ${part.length} bytes (RFC 9112, 8)`)
      client.socket.destroy()
    }
  }
  t.same(stage.requests, [])
  t.ok(await stage.isWell())
})
