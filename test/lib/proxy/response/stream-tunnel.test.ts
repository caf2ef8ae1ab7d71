import t from 'tap'
import { StreamResponse } from '../../../../lib/proxy/response/stream/stream-response.js'
import { backendHead, FakeStream, requestOf, turns } from '../../../support/fake-stream.js'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const CANCEL = 'reset 8'

/** A tunnel whose stream has told its client so. */
function open() {
  const stream = new FakeStream(false)
  const res = new StreamResponse(requestOf(stream, { isWebSocket: true }), stream, 10)
  res.begin(
    backendHead(101, 'Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n', { hasDate: true }),
    ''
  )
  const tunnel = res.clientTunnel()
  stream.sent.splice(0)
  return { stream, res, tunnel }
}

t.test('a change of protocol is a 200 without what answers the key of HTTP/1.1', async (t) => {
  const stream = new FakeStream(false)
  const res = new StreamResponse(requestOf(stream, { isWebSocket: true }), stream, 10)
  res.begin(
    backendHead(101, 'Sec-WebSocket-Accept: x\r\nContent-Length: 0\r\nX: y\r\n', { hasDate: true }),
    ''
  )
  t.same(stream.sent, ['head 200'], 'the client need not wait for the first bytes of the backend')
  t.same(stream.fields, ['x: y'])
})

t.test('bytes pass in both directions', async (t) => {
  const { stream, tunnel } = open()
  const received: string[] = []
  tunnel.on('data', (chunk) => received.push(`${chunk}`))
  const lent = Buffer.from('ping')
  stream.bodyReader!.onBody(lent)
  lent.fill('x')
  tunnel.write(Buffer.from('pong'))
  await turns()
  t.same(received, ['ping'])
  t.same(stream.sent, ['data pong'])
})

t.test('a client is held back that sends faster than the backend reads', async (t) => {
  const { stream, tunnel } = open()
  tunnel.on('data', () => {})
  await turns()
  tunnel.pause()
  let parts = 0
  while (stream.receive('x'.repeat(1000))) if (++parts > 1000) break
  t.ok(parts < 100, `${parts} kB`)
  const { resumes } = stream
  tunnel.resume()
  await turns()
  t.ok(stream.resumes > resumes)
  t.ok(stream.receive('x'))
})

t.test('a backend is held back that sends faster than the client reads', async (t) => {
  const { stream, tunnel } = open()
  stream.isBlocked = true
  let parts = 0
  while (tunnel.write(Buffer.alloc(1000))) if (++parts > 1000) break
  t.ok(parts < 100, `${parts} kB`)
  t.ok(tunnel.writableNeedDrain)
  let drains = 0
  tunnel.once('drain', () => drains++)
  await turns()
  t.equal(drains, 0)
  stream.take()
  await turns()
  t.equal(drains, 1)
  t.equal(tunnel.writableLength, 0)
  t.equal(stream.body.length, (parts + 1) * 1000)
})

t.test('either side may end before the other', async (t) => {
  const { stream, tunnel } = open()
  let ends = 0
  tunnel.on('data', () => {})
  tunnel.on('end', () => ends++)
  stream.receive('last')
  stream.receiveEnd()
  await turns()
  t.equal(ends, 1)
  t.same(stream.sent, [])
  tunnel.write(Buffer.from('still here'))
  tunnel.end()
  await turns()
  t.same(stream.sent, ['data still here', 'end'])
  t.ok(stream.isClosed)
})

t.test('a backend that has ended is followed by the end of the stream, after what it has sent', async (t) => {
  const { stream, tunnel } = open()
  stream.isBlocked = true
  tunnel.write(Buffer.from('bye'))
  tunnel.end(() => tunnel.destroy())
  await sleep(150)
  t.same(stream.sent, [])
  stream.take()
  await sleep(20)
  t.same(stream.sent, ['data bye', 'end'])
  await sleep(150)
  t.same(stream.sent, ['data bye', 'end', 'reset 0'], 'and the client is stopped, a little later')
})

t.test('a tunnel that is destroyed resets its stream, and the other way round', async (t) => {
  const first = open()
  first.tunnel.destroy()
  await turns()
  t.same(first.stream.sent, [CANCEL])
  const { stream, tunnel } = open()
  let closed = 0
  ;(tunnel as unknown as NodeJS.EventEmitter).once('close', () => closed++)
  stream.leave()
  await turns()
  t.equal(closed, 1)
  tunnel.write(Buffer.from('x'))
  tunnel.end()
  await turns()
  t.same(stream.sent, [])
})

t.test('a tunnel in which nothing moves is told of, and no other', async (t) => {
  const { stream, tunnel } = open()
  let timeouts = 0
  tunnel.setTimeout(60, () => timeouts++)
  tunnel.on('data', () => {})
  for (let i = 0; i < 5; i++) {
    await sleep(25)
    if (i % 2 === 0) stream.receive('x')
    else tunnel.write(Buffer.from('y'))
  }
  t.equal(timeouts, 0)
  await sleep(100)
  t.equal(timeouts, 1)
  tunnel.destroy()
})
