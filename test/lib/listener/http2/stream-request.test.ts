import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import t, { type Test } from 'tap'
import { lentBodyOf } from '../../../../lib/base/http/lent-body.js'
import { streamRequestOf } from '../../../../lib/base/http/stream-request.js'
import type { BodyReader } from '../../../../lib/listener/http2/stream/body-reader.js'
import type { ServerStream } from '../../../../lib/listener/http2/stream/server-stream.js'
import { Upload } from '../../../../lib/proxy/request/upload.js'
import { decoded, readRequest, SOCKET } from './read-request.js'

const GET = [':method: GET', ':scheme: https', ':authority: a.example', ':path: /']
const POST = [':method: POST', ':scheme: https', ':authority: a.example', ':path: /']
const WEBSOCKET = [':method: CONNECT', ':protocol: websocket', ...GET.slice(1)]

/** A stream whose connection can be closed by nobody: that would end the other streams. */
function openStream(t: Test) {
  const destroy = () => t.fail('the connection is closed')
  const stream = {
    socket: { ...SOCKET, destroy } as unknown as Socket,
    bodyReader: undefined as BodyReader | undefined,
    resumed: 0,
    pauseMs: -1,
    resumeBody: () => {
      stream.resumed++
    },
    limitPause: (timeoutMs: number) => {
      stream.pauseMs = timeoutMs
    }
  }
  return stream
}

/** A request whose stream goes on. */
function openRequest(t: Test, lines: readonly string[]) {
  const stream = openStream(t)
  const { req } = readRequest(decoded(lines), false, stream as unknown as ServerStream)!
  return { stream, req, reader: stream.bodyReader! }
}

t.test('a request without a body is one of Node that has ended', async (t) => {
  const stream = openStream(t)
  const lines = decoded([...GET, 'a: 1', 'cookie: b', 'a: 2', 'cookie: c'])
  const { req } = readRequest(lines, true, stream as unknown as ServerStream)!
  t.ok(req instanceof IncomingMessage)
  t.equal(req.socket, stream.socket)
  const { httpVersion, httpVersionMajor, httpVersionMinor, complete, aborted, method, url, scheme } = req
  t.same(
    [httpVersion, httpVersionMajor, httpVersionMinor, complete, aborted, method, url, scheme],
    ['2.0', 2, 0, true, false, 'GET', '/', 'https']
  )
  t.same(req.headers, { host: 'a.example', a: '1, 2', cookie: 'b; c' })
  t.equal(streamRequestOf(req), req)
  t.equal(lentBodyOf(req), undefined)
  t.equal(stream.bodyReader, undefined)
  req.resume()
  await finished(req)
  req.destroy(new Error('nobody listens'))
})

t.test('a body is lent to who borrows it, and otherwise goes through the stream', async (t) => {
  const { stream, req, reader } = openRequest(t, POST)
  t.ok(req instanceof IncomingMessage)
  t.equal(streamRequestOf(req), req)
  const lent = lentBodyOf(req)!
  t.equal(stream.resumed, 0, 'nothing is wanted before somebody reads')
  t.equal(reader.onBody(Buffer.from('early')), false, 'nor then')
  const seen: string[] = []
  req.on('data', (part: Buffer) => seen.push(`${part}`))
  await new Promise(setImmediate)
  t.same(seen, ['early'])
  t.ok(stream.resumed > 0)
  const memory = Buffer.from('kept')
  reader.onBody(memory)
  memory.fill('x')
  const borrowed: Buffer[] = []
  lent.borrower = (part) => borrowed.push(part)
  req.resume()
  await new Promise(setImmediate)
  const part = Buffer.from('lent')
  t.equal(reader.onBody(part), true)
  t.equal(borrowed[0], part, 'without a copy')
  lent.borrower = () => req.pause()
  t.equal(reader.onBody(part), false, 'no more is wanted')
  const before = stream.resumed
  req.resume()
  t.ok(stream.resumed > before)
  t.equal(req.complete, false)
  reader.onBodyEnd(['x-sum', '1'])
  t.equal(req.complete, true)
  t.same(req.rawTrailers, ['x-sum', '1'])
  await finished(req)
  t.same(seen, ['early', 'kept'])
  t.equal(req.readableEnded, true)
})

t.test('a part is taken of a body that nobody reads, and more when somebody does', async (t) => {
  const { stream, req, reader } = openRequest(t, POST)
  t.equal(reader.onBody(Buffer.from('part')), false)
  await new Promise(setImmediate)
  t.equal(stream.resumed, 0)
  t.same(req.read(), Buffer.from('part'))
  t.ok(stream.resumed > 0)
})

t.test('a pause is told to who limits it, and to no other', async (t) => {
  const { stream, req, reader } = openRequest(t, POST)
  reader.onPause()
  const failures: unknown[] = []
  const owner = { giveUp: (failure: unknown) => failures.push(failure) }
  const upload = new Upload(req, { maxBodyBytes: 0, bodyTimeoutMs: 70 }, undefined, owner)
  upload.begin(0)
  t.equal(stream.pauseMs, 70)
  reader.onPause()
  t.equal(failures.length, 1)
  upload.end()
  t.equal(stream.pauseMs, 0)
})

t.test('a client that leaves ends its request, and not its connection', async (t) => {
  for (const isHeard of [false, true]) {
    const { req, reader } = openRequest(t, POST)
    let aborted = 0
    const errors: NodeJS.ErrnoException[] = []
    req.on('aborted', () => aborted++)
    if (isHeard) req.on('error', (error) => errors.push(error))
    reader.onBody(Buffer.from('part'))
    reader.onAborted()
    reader.onAborted()
    await new Promise((resolve) => req.once('close', resolve))
    t.equal(aborted, 1)
    t.equal(req.aborted, true)
    t.equal(req.destroyed, true)
    t.equal(req.complete, false)
    t.same(
      errors.map(({ code }) => code),
      isHeard ? ['ECONNRESET'] : []
    )
    // What was on its way may still come.
    t.equal(reader.onBody(Buffer.from('late')), false)
    reader.onBodyEnd([])
  }
})

t.test('a client that leaves after its body has left its request whole', async (t) => {
  const { req, reader } = openRequest(t, POST)
  req.resume()
  reader.onBodyEnd([])
  await finished(req)
  reader.onAborted()
  t.equal(req.complete, true)
  t.equal(req.aborted, false)
})

t.test('a body of no bytes is none, though its stream goes on', async (t) => {
  const { req, reader } = openRequest(t, [...POST, 'content-length: 0'])
  t.equal(req.hasBody, false)
  t.equal(req.complete, false)
  reader.onBodyEnd([])
  t.equal(req.complete, true)
})

t.test('what follows the head of a WebSocket is not its body (RFC 8441)', async (t) => {
  const { stream, req } = openRequest(t, WEBSOCKET)
  t.equal(stream.bodyReader, undefined)
  t.equal(req.method, 'GET')
  t.equal(req.isWebSocket, true)
  t.equal(req.complete, true)
  const key = String(req.headers['sec-websocket-key'])
  t.equal(Buffer.from(key, 'base64').length, 16)
  t.equal(req.headers['sec-websocket-key'], key, 'the same each time')
  const other = openRequest(t, WEBSOCKET).req
  t.not(other.headers['sec-websocket-key'], key)
})
