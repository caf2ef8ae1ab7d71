import { once } from 'node:events'
import { Readable, type Writable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import type { Test } from 'tap'
import { RoutedStreamResponse } from '../../../../lib/proxy/response/stream/routed-stream-response.js'
import { atEnd, eventually, test } from '../../../helper.js'
import { backendHead, FakeStream, requestOf, turns } from '../../../support/fake-stream.js'

const BUFFER_BYTES = 1000
const INTERNAL_ERROR = 'reset 2'
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

type Like = Parameters<typeof requestOf>[1]

function open(like: Like = {}) {
  const stream = new FakeStream(!like.hasBody)
  const req = requestOf(stream, like)
  const res = new RoutedStreamResponse(req, stream, BUFFER_BYTES)
  const events: string[] = []
  for (const event of ['finish', 'close', 'drain', 'error']) res.on(event, () => events.push(event))
  return { stream, req, res, events }
}

/** An application, and what goes to its router. */
async function application(t: Test, add: (fastify: FastifyInstance) => void) {
  const fastify = Fastify()
  atEnd(t, () => fastify.close())
  add(fastify)
  await fastify.ready()
  return (like: Like = {}) => {
    const opened = open(like)
    fastify.routing(opened.req, opened.res)
    return opened
  }
}

/** An application whose one route answers so. */
const answering = (t: Test, answer: (reply: FastifyReply) => unknown) =>
  application(t, (fastify) => void fastify.get('/', (_request, reply) => answer(reply)))

const bodyOf = (length: number) => new Readable({ read: parts(length) })

function parts(length: number) {
  let rest = length
  return function (this: Readable) {
    if (rest > 0) this.push(Buffer.alloc(100, 'x'))
    else this.push(null)
    rest -= 100
  }
}

test('a reply of JSON is one head, one part and the end', async (t) => {
  let responses = 0
  const request = await application(t, (fastify) => {
    fastify.addHook('onSend', async (_request, reply) => void reply.header('X-Own', 'y'))
    fastify.addHook('onResponse', async () => void responses++)
    fastify.get('/', async () => ({ hello: 'world' }))
  })
  const { stream, res, events } = request()
  await once(res, 'close')
  t.same(stream.sent, ['head 200', 'data {"hello":"world"}', 'end'])
  t.match(stream.fields, [
    'content-type: application/json; charset=utf-8',
    'x-own: y',
    'content-length: 17',
    /^date: .* GMT$/
  ])
  t.equal(stream.fields.length, 4, 'and none of a connection')
  t.same(events, ['finish', 'close'])
  t.match(res, { writableFinished: true, writableEnded: true, headersSent: true, statusCode: 200 })
  await eventually(() => responses === 1)
})

test('HEAD, and what has no body, end with the head', async (t) => {
  const request = await application(t, (fastify) => {
    fastify.get('/', async () => ({ hello: 'world' }))
    fastify.delete('/', (_request, reply) => reply.code(204).send())
  })
  for (const [method, status] of [
    ['HEAD', 200],
    ['DELETE', 204]
  ] as const) {
    const { stream, res } = request({ method })
    await once(res, 'close')
    t.same(stream.sent, [`head ${status}`, 'end'], method)
  }
})

test('errors and unknown routes are answered', async (t) => {
  const request = await answering(t, () => {
    throw Object.assign(new Error('teapot'), { statusCode: 418 })
  })
  for (const [url, status, text] of [
    ['/', 418, 'teapot'],
    ['/other', 404, 'Route GET:/other not found']
  ] as const) {
    const { stream, res } = request({ url })
    await once(res, 'close')
    t.equal(stream.sent[0], `head ${status}`)
    t.match(stream.body, text)
  }
})

test('a stream is sent as the client takes it', async (t) => {
  const request = await answering(t, (reply) => reply.type('text/plain').send(bodyOf(100_000)))
  const { stream, res, events } = request()
  stream.isBlocked = true
  await eventually(() => stream.unsentBytes > 0)
  await sleep(20)
  t.ok(stream.unsentBytes < 3 * BUFFER_BYTES, `${stream.unsentBytes} bytes wait`)
  t.ok(res.writableNeedDrain)
  t.equal(res.writableLength, stream.unsentBytes)
  stream.take()
  await once(res, 'close')
  t.equal(stream.body.length, 100_000)
  t.equal(stream.sent.at(-1), 'end')
  t.ok(events.includes('drain'))
  t.notOk(res.writableNeedDrain)
})

test('a stream that fails is not taken for whole', async (t) => {
  const body = new Readable({ read() {} })
  const request = await answering(t, (reply) => reply.send(body))
  const { stream, res, events } = request()
  body.push('some')
  await eventually(() => stream.body === 'some')
  body.destroy(new Error('broken'))
  await once(res, 'close')
  t.equal(stream.sent.at(-1), INTERNAL_ERROR)
  t.notOk(res.writableFinished)
  t.notOk(events.includes('finish'))
})

test('a client that leaves ends what was made for it', async (t) => {
  let aborted = 0
  const body = bodyOf(1e9)
  const request = await application(t, (fastify) => {
    fastify.addHook('onRequestAbort', async (_request) => void aborted++)
    fastify.get('/', (_request, reply) => reply.send(body))
  })
  const { stream, res } = request()
  stream.isBlocked = true
  await eventually(() => stream.unsentBytes > 0)
  stream.leave()
  await once(res, 'close')
  await eventually(() => body.destroyed)
  await eventually(() => aborted === 1)
  t.notOk(res.writableFinished)
  t.ok(res.destroyed)
})

test('trailers follow a body', async (t) => {
  const request = await answering(t, (reply) => {
    reply.trailer('X-Sum', async () => '42')
    return reply.send('text')
  })
  const { stream, res } = request()
  await once(res, 'close')
  t.same(stream.sent, ['head 200', 'data text', 'trailers x-sum 42'])
  t.ok(stream.fields.includes('trailer: x-sum'))
})

test('events are sent as they come', async (t) => {
  const request = await answering(t, (reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'Content-Type': 'text/event-stream' })
    reply.raw.flushHeaders()
    setTimeout(() => reply.raw.write('data: 1\n\n'), 20)
    setTimeout(() => reply.raw.end('data: é\n\n'), 40)
  })
  const { stream, res } = request()
  await eventually(() => stream.sent.length === 1)
  t.same(stream.sent, ['head 200'])
  await once(res, 'close')
  t.same(stream.sent, ['head 200', 'data data: 1\n\n', 'data data: é\n\n', 'end'])
  t.ok(stream.fields.includes('content-type: text/event-stream'))
})

test('interim responses precede the final one', async (t) => {
  const { stream, res } = open()
  res.writeContinue()
  res.writeProcessing()
  await new Promise<void>((resolve) =>
    res.writeEarlyHints({ link: '</a.css>; rel=preload', 'x-b': 'c' }, resolve)
  )
  res.end('x')
  t.same(stream.sent, [
    'interim 100',
    'interim 102',
    'interim 103 link: </a.css>; rel=preload,x-b: c',
    'head 200',
    'data x',
    'end'
  ])
})

test('the body of a request is read by the router', async (t) => {
  const request = await application(t, (fastify) => {
    fastify.post('/', async ({ body }) => body)
  })
  const { stream, res } = request({
    method: 'POST',
    fields: ['content-type', 'text/plain', 'content-length', '5'],
    hasBody: true
  })
  stream.receive('he')
  stream.receive('llo')
  stream.receiveEnd()
  await once(res, 'close')
  t.equal(stream.body, 'hello')
})

test('a client whose body nobody reads is stopped', async (t) => {
  const request = await application(t, (fastify) => {
    fastify.addHook('onRequest', async (_request, reply) => reply.code(401).send('no'))
    fastify.post('/', async ({ body }) => body)
  })
  const { stream, res } = request({ method: 'POST', hasBody: true })
  await once(res, 'close')
  t.same(stream.sent, ['head 401', 'data no', 'end', 'reset 0'])
  t.ok(res.writableFinished)
})

test('Node tells of mistakes as of any other response', async (t) => {
  const { stream, res, events } = open()
  t.throws(() => res.setHeader('a b', 'c'), { code: 'ERR_INVALID_HTTP_TOKEN' })
  t.throws(() => res.end(42), { code: 'ERR_INVALID_ARG_TYPE' })
  res.writeHead(200, { a: 'b' })
  t.throws(() => res.writeHead(200), { code: 'ERR_HTTP_HEADERS_SENT' })
  t.throws(() => res.setHeader('c', 'd'), { code: 'ERR_HTTP_HEADERS_SENT' })
  let calls = 0
  res.write('x', () => calls++)
  t.equal(calls, 0, 'the callback comes later')
  res.end(() => calls++)
  res.write('late')
  await turns()
  t.same(stream.sent, ['head 200', 'data x', 'end'])
  t.equal(calls, 2)
  t.same(events.toSorted(), ['close', 'error', 'finish'])
})

test('it is finished once it was sent, and once only', async (t) => {
  const { stream, res, events } = open()
  res.write('a')
  stream.isBlocked = true
  res.end('b')
  await turns()
  t.same(events, [])
  t.match(res, { writableEnded: true, writableFinished: false })
  stream.take()
  await turns()
  t.same(events, ['finish', 'close'])
  const empty = open()
  empty.res.flushHeaders()
  empty.res.end()
  empty.res.end()
  await turns()
  t.same(empty.stream.sent, ['head 200', 'end'])
  t.same(empty.events, ['finish', 'close'])
})

test('one that is destroyed is reset, unless it was sent', async (t) => {
  const { stream, res, events } = open()
  res.write('x')
  res.destroy(new Error('x'))
  res.destroy()
  await turns()
  t.same(stream.sent, ['head 200', 'data x', INTERNAL_ERROR])
  t.same(events, ['close'])
  const sent = open({ hasBody: true })
  sent.res.end('x')
  sent.res.destroy()
  await turns()
  t.same(sent.stream.sent, ['head 200', 'data x', 'end', 'reset 0'])
})

test('a time that a response may be idle', async (t) => {
  const { res } = open()
  let timeouts = 0
  res.setTimeout(40, () => timeouts++)
  for (let i = 0; i < 4; i++) {
    await sleep(20)
    res.write('x')
  }
  t.equal(timeouts, 0)
  await sleep(60)
  t.equal(timeouts, 1)
  res.end()
})

test('an exchange writes through it, and hooks hear of its end', async (t) => {
  let status = 0
  const request = await application(t, (fastify) => {
    fastify.addHook('onResponse', async (_request, reply) => {
      status = reply.statusCode
    })
    fastify.get('/', (_request, reply) => {
      reply.hijack()
      const res = reply.raw as RoutedStreamResponse
      res.sendInterim(backendHead(103, 'Link: </a>\r\n'))
      res.begin(backendHead(201, 'X: y\r\n', { hasDate: true }), 'Set-Cookie: a=b\r\n')
      t.ok(res.headersSent)
      res.sendPart(Buffer.from('one'))
      res.flush()
      res.finish(Buffer.from('two'), ['grpc-status', '0'])
    })
  })
  const { stream, res, events } = request()
  await once(res, 'close')
  t.same(stream.sent, [
    'interim 103 link: </a>',
    'head 201',
    'data one',
    'data two',
    'trailers grpc-status 0'
  ])
  t.same(stream.fields, ['x: y', 'set-cookie: a=b'])
  t.same(events, ['finish', 'close'])
  await eventually(() => status === 201)
})

test('an exchange is whole in one head where it has no body, and others may wrap its end', async (t) => {
  const { stream, res } = open()
  let ends = 0
  const { end } = res
  res.end = function (this: RoutedStreamResponse, ...args: unknown[]) {
    ends++
    return end.apply(this, args)
  } as typeof res.end
  res.begin(backendHead(200, '', { contentLength: 0 }), '')
  res.finish(undefined, [])
  t.equal(ends, 1)
  t.same(stream.sent, ['head 200', 'end'])
  const broken = open()
  broken.res.begin(backendHead(200), '')
  broken.res.cutOff()
  t.same(broken.stream.sent, [INTERNAL_ERROR])
  const answered = open()
  answered.res.setHeader('X-Hook', 'y')
  answered.res.answer(502, 'Bad Gateway', ['Content-Length', '2'], 'no')
  await turns()
  t.same(answered.stream.sent, ['head 502', 'data no', 'end'])
  t.match(answered.stream.fields, ['x-hook: y', 'content-length: 2', /^date: /])
})

test('what is piped into it by others', async (t) => {
  const { stream, res } = open()
  bodyOf(5000).pipe(res as unknown as Writable)
  await once(res, 'finish')
  t.equal(stream.body.length, 5000)
})
