import t from 'tap'
import { StreamResponse } from '../../../../lib/proxy/response/stream/stream-response.js'
import { backendHead, FakeStream, requestOf, turns } from '../../../support/fake-stream.js'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const NO_ERROR = 'reset 0'
const INTERNAL_ERROR = 'reset 2'

function start(like: Parameters<typeof requestOf>[1] = {}) {
  const stream = new FakeStream(!like.hasBody && !like.isWebSocket)
  return { stream, res: new StreamResponse(requestOf(stream, like), stream, 10) }
}

t.test('a response is a head, what came of the body, and an end', async (t) => {
  const { stream, res } = start()
  let isOver = false
  res.whenOver(() => {
    isOver = true
  })
  res.begin(backendHead(200, 'Content-Type: text/plain\r\n'), 'Set-Cookie: a=b\r\n')
  t.same(stream.sent, [], 'the head waits for what follows')
  res.sendPart(Buffer.from('one'))
  res.sendPart(Buffer.from('two'))
  t.ok(stream.isLent)
  res.flush()
  t.notOk(stream.isLent, 'no longer than to the flush')
  t.same(stream.sent, ['head 200', 'data one', 'data two'])
  t.notOk(res.writableFinished)
  res.finish(Buffer.from('three'), [])
  t.same(stream.sent.slice(3), ['data three', 'end'])
  t.match(stream.fields, ['content-type: text/plain', 'set-cookie: a=b', /^date: .* GMT$/])
  t.equal(stream.fields.length, 3)
  t.ok(res.writableFinished)
  t.equal(res.statusCode, 200)
  await turns()
  t.ok(isOver)
})

t.test('the date of a backend is kept, where it has sent one', async (t) => {
  const { stream, res } = start()
  res.begin(backendHead(204, 'Date: today\r\n', { hasDate: true }), '')
  res.finish(undefined, [])
  t.same(stream.fields, ['date: today'])
})

t.test('a response without a body ends with its head', async (t) => {
  const cases: [string, number, object][] = [
    ['HEAD', 200, { contentLength: 5 }],
    ['GET', 204, {}],
    ['GET', 205, { contentLength: 5 }],
    ['GET', 304, { contentLength: 5 }],
    ['GET', 200, { contentLength: 0 }],
    // Of unknown length, and in the end of none.
    ['GET', 200, { fromHttp2: true }]
  ]
  for (const [method, status, like] of cases) {
    const { stream, res } = start({ method })
    res.begin(backendHead(status, '', like), '')
    res.finish(undefined, [])
    t.same(stream.sent, [`head ${status}`, 'end'], `${method} ${status}`)
    t.ok(res.writableFinished)
  }
})

t.test('what comes of a body that must not be there is dropped', async (t) => {
  for (const status of [204, 205, 304]) {
    const { stream, res } = start()
    res.begin(backendHead(status, 'Content-Length: 3\r\nX: y\r\n', { contentLength: 3, hasDate: true }), '')
    res.sendPart(Buffer.from('abc'))
    res.flush()
    res.finish(Buffer.from('def'), ['a', 'b'])
    t.same(stream.sent, [`head ${status}`, 'end'])
    t.same(stream.fields, status === 205 ? ['x: y'] : ['content-length: 3', 'x: y'])
  }
})

t.test('a field that would end the connection of many clients is not sent', async (t) => {
  const lines = (bytes: number) => `X: ${'v'.repeat(bytes)}\r\nY: z\r\n`
  const { stream, res } = start()
  res.sendInterim(backendHead(103, lines(65_537)))
  t.throws(() => res.begin(backendHead(200, lines(65_537)), ''), { name: 'BrokenResponse' })
  res.sendInterim(backendHead(103, lines(65_536)))
  res.begin(backendHead(200, lines(65_536) + lines(65_536)), '')
  t.same(stream.sent.length, 1, 'and another answer can be')
  res.finish(Buffer.from('x'), ['a', 'v'.repeat(65_537)])
  t.same(stream.sent.at(-1), INTERNAL_ERROR)
  t.notOk(res.writableFinished)
})

t.test('any status of three digits is passed on', async (t) => {
  const { stream, res } = start()
  res.begin(backendHead(799), '')
  res.finish(undefined, [])
  t.same(stream.sent, ['head 799', 'end'])
})

t.test('a head that has been flushed is followed by an end of its own', async (t) => {
  const { stream, res } = start()
  res.begin(backendHead(200), '')
  res.flush()
  t.same(stream.sent, ['head 200'])
  res.finish(undefined, [])
  t.same(stream.sent, ['head 200', 'end'])
})

t.test('trailers end a response, with a body or without', async (t) => {
  const { stream, res } = start()
  res.begin(backendHead(200, '', { fromHttp2: true }), '')
  res.finish(Buffer.from('x'), ['grpc-status', '0'])
  t.same(stream.sent, ['head 200', 'data x', 'trailers grpc-status 0'])
  const empty = start()
  empty.res.begin(backendHead(200, '', { fromHttp2: true, contentLength: 0 }), '')
  empty.res.finish(undefined, ['a', 'b'])
  t.same(empty.stream.sent, ['head 200', 'trailers a b'])
})

t.test('interim responses precede the final one, and never follow it', async (t) => {
  const { stream, res } = start()
  res.sendInterim(backendHead(103, 'Link: </a>\r\n'))
  res.begin(backendHead(200, '', { contentLength: 0 }), '')
  res.sendInterim(backendHead(103))
  res.finish(undefined, [])
  t.same(stream.sent, ['interim 103 link: </a>', 'head 200', 'end'])
})

t.test('who sends waits for a client that does not read', async (t) => {
  const { stream, res } = start()
  res.begin(backendHead(200), '')
  stream.isBlocked = true
  res.sendPart(Buffer.alloc(11))
  res.flush()
  t.ok(res.writableLength >= res.writableHighWaterMark)
  let taken = 0
  res.whenTaken(() => taken++)
  res.whenTaken(() => taken++)
  t.equal(taken, 0)
  stream.take()
  t.equal(taken, 2)
  res.whenTaken(() => taken++)
  t.equal(taken, 3, 'at once if nothing waits')
})

t.test('a response that broke is reset, whatever was sent of it', async (t) => {
  for (const isFlushed of [false, true]) {
    const { stream, res } = start()
    res.begin(backendHead(200), '')
    if (isFlushed) res.flush()
    res.cutOff()
    res.cutOff()
    t.same(stream.sent, isFlushed ? ['head 200', INTERNAL_ERROR] : [INTERNAL_ERROR])
    t.notOk(res.writableFinished)
  }
})

t.test('nothing is sent to a client that has left', async (t) => {
  const { stream, res } = start()
  stream.leave()
  res.sendInterim(backendHead(103))
  res.begin(backendHead(200), '')
  res.sendPart(Buffer.from('x'))
  res.flush()
  res.finish(Buffer.from('y'), ['a', 'b'])
  res.cutOff()
  t.same(stream.sent, [])
  t.notOk(res.writableFinished)
})

t.test('a client that leaves before it has all has not all', async (t) => {
  const { stream, res } = start()
  res.begin(backendHead(200), '')
  stream.isBlocked = true
  res.finish(Buffer.from('x'), [])
  stream.leave()
  t.notOk(res.writableFinished)
})

t.test('an answer of the balancer is whole', async (t) => {
  const { stream, res } = start()
  res.answer(503, 'Service Unavailable', ['Content-Length', '2', 'Retry-After', '5'], 'no')
  t.same(stream.sent, ['head 503', 'data no', 'end'])
  t.match(stream.fields, ['content-length: 2', 'retry-after: 5', /^date: /])
  const head = start({ method: 'HEAD' })
  head.res.answer(503, '', ['Content-Length', '2'], 'no')
  t.same(head.stream.sent, ['head 503', 'end'])
})

t.test('a client that is still sending is stopped, once it has processed the response', async (t) => {
  const { stream, res } = start({ hasBody: true })
  res.answer(413, '', [], 'too much')
  t.same(stream.sent.at(-1), 'end')
  t.ok(res.writableFinished)
  await sleep(60)
  t.same(stream.sent.at(-1), 'end', 'some take both together for a response that broke')
  await sleep(80)
  t.same(stream.sent.at(-1), NO_ERROR)
  t.ok(res.writableFinished)
})

t.test('that time begins when the client has taken the response', async (t) => {
  const { stream, res } = start({ hasBody: true })
  stream.isBlocked = true
  res.answer(413, '', [], 'too much')
  await sleep(150)
  t.same(stream.sent, ['head 413'])
  stream.take()
  await sleep(150)
  t.same(stream.sent, ['head 413', 'data too much', 'end', NO_ERROR])
})

t.test('a client that ends by itself in that time is not stopped', async (t) => {
  const { stream, res } = start({ hasBody: true })
  res.answer(413, '', [], 'too much')
  stream.receiveEnd()
  await sleep(150)
  t.same(stream.sent.at(-1), 'end')
})

t.test('a tunnel that is refused does not stay open', async (t) => {
  for (const like of [{ isWebSocket: true }, { method: 'CONNECT' }]) {
    const stream = new FakeStream(false)
    const res = new StreamResponse(requestOf(stream, like), stream, 10)
    res.begin(backendHead(403, '', { contentLength: 0 }), '')
    res.finish(undefined, [])
    await sleep(150)
    t.same(stream.sent, ['head 403', 'end', NO_ERROR])
  }
})
