import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { BodySender } from '../../../../lib/transport/http1/body-sender.js'
import { RetryBuffer } from '../../../../lib/transport/retry-buffer.js'

const HEAD = 'POST / HTTP/1.1\r\nX: caf\xe9\r\n\r\n'

/** A socket that notes what it is given, write by write, and takes it when told to. */
class SlowSocket extends Writable {
  readonly writes: string[] = []
  #taken: (() => void) | undefined
  isSlow = false

  override _writev(chunks: { chunk: Buffer }[], taken: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'buffer', taken)
  }

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    this.writes.push(chunk.toString('latin1'))
    if (this.isSlow) this.#taken = taken
    else taken()
  }

  get text(): string {
    return this.writes.join('')
  }

  takeAll(): void {
    this.isSlow = false
    this.#taken?.()
    this.#taken = undefined
  }
}

interface SendingOptions {
  readonly chunked?: boolean
  readonly highWaterMark?: number
  readonly trailers?: readonly string[]
  /** Of a sender before. */
  readonly body?: PassThrough
  readonly kept?: RetryBuffer
}

function sending({
  chunked = false,
  highWaterMark = 16_384,
  trailers = [],
  body,
  kept
}: SendingOptions = {}) {
  const headers = chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': '10' }
  const message = body ?? Object.assign(new PassThrough(), { headers, rawTrailers: trailers })
  const socket = new SlowSocket({ highWaterMark })
  const sent: number[] = []
  const counts = { done: 0 }
  const sender = new BodySender(
    message as unknown as IncomingMessage,
    kept,
    socket as unknown as Socket,
    { onBodySent: (bytes) => void sent.push(bytes) },
    () => void counts.done++
  )
  return { body: message, socket, sender, sent, counts }
}

t.test('nothing is read before it starts', async (t) => {
  const { body, socket, sender, sent } = sending()
  body.write('early')
  await turn()
  t.equal(body.readableLength, 5)
  t.same([socket.text, sent], ['', []])
  sender.start(HEAD)
  await turn()
  t.same([body.readableLength, sent], [0, [5]])
})

t.test('a body is sent as it arrives, after the head', async (t) => {
  const { body, socket, sender, sent, counts } = sending()
  sender.start(HEAD)
  await turn()
  t.equal(socket.text, HEAD, 'which does not wait for it')
  for (const part of ['caf\xe9\0', '\r\n\r\n', 'x']) {
    body.write(part, 'latin1')
    await turn()
  }
  t.equal(counts.done, 0)
  body.end()
  await once(body, 'end')
  t.equal(socket.text, `${HEAD}caf\xe9\0\r\n\r\nx`)
  t.equal(socket.listenerCount('drain'), 0)
  t.same(sent, [5, 4, 1])
  t.equal(counts.done, 1)
})

t.test('chunks are framed anew', async (t) => {
  const { body, socket, sender, sent, counts } = sending({ chunked: true })
  sender.start(HEAD)
  for (const part of ['hello', 'x'.repeat(26), '0\r\n\r\n']) {
    body.write(part)
    await turn()
  }
  body.end()
  await once(body, 'end')
  t.equal(socket.text, `${HEAD}5\r\nhello\r\n1a\r\n${'x'.repeat(26)}\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n`)
  t.same(sent, [5, 26, 5], 'what is counted is the body alone')
  t.equal(counts.done, 1)
})

t.test('an empty body has its end', async (t) => {
  for (const [chunked, end] of [
    [false, ''],
    [true, '0\r\n\r\n']
  ] as const) {
    const { body, socket, sender, sent, counts } = sending({ chunked })
    body.end()
    sender.start(HEAD)
    await once(body, 'end')
    await turn()
    t.equal(socket.text, HEAD + end)
    t.same([sent, counts.done], [[], 1])
  }
})

t.test('trailers go behind the last chunk, without those that frame or route', async (t) => {
  const trailers = ['X-Sum', 'caf\xe9', 'x-B', '', 'Content-Length', '5', 'HOST', 'x', 'X-sum', '2']
  const { body, socket, sender } = sending({ chunked: true, trailers })
  sender.start(HEAD)
  body.end('a')
  await once(body, 'end')
  t.equal(socket.text, `${HEAD}1\r\na\r\n0\r\nX-Sum: caf\xe9\r\nx-B: \r\nX-sum: 2\r\n\r\n`)
})

t.test('what has come already goes out with the head in one write, and so does each chunk', async (t) => {
  for (const [chunked, first, second] of [
    [false, 'hello', 'more'],
    [true, '5\r\nhello\r\n', '4\r\nmore\r\n']
  ] as const) {
    const { body, socket, sender } = sending({ chunked })
    body.write('hello')
    await turn()
    sender.start(HEAD)
    await turn()
    t.same(socket.writes, [HEAD + first])
    body.write('more')
    await turn()
    t.same(socket.writes, [HEAD + first, second])
  }
})

t.test('a backend that does not read pauses the client, until it does', async (t) => {
  for (const chunked of [false, true]) {
    const { body, socket, sender, sent, counts } = sending({ chunked, highWaterMark: 100 })
    socket.isSlow = true
    sender.start(HEAD)
    await turn()
    body.write('x'.repeat(20))
    await turn()
    t.notOk(body.isPaused(), 'there is room')
    body.write('y'.repeat(100))
    await turn()
    t.ok(body.isPaused(), 'there is none')
    body.write('z'.repeat(50))
    await turn()
    t.same(sent, [20, 100])
    socket.takeAll()
    await turn()
    t.notOk(body.isPaused())
    t.same(sent, [20, 100, 50])
    body.end()
    await once(body, 'end')
    t.equal(counts.done, 1)
    t.match(socket.text, /^POST[\s\S]*x{20}\D*(?:64)?\D*y{100}\D*(?:32)?\D*z{50}/)
  }
})

t.test('after stop() neither the client is read nor the socket written', async (t) => {
  const { body, socket, sender, sent, counts } = sending()
  socket.isSlow = true
  sender.start(HEAD)
  body.write('first')
  await turn()
  t.notOk(body.isPaused())
  sender.stop()
  body.write('rest')
  await turn()
  socket.takeAll()
  await turn()
  t.equal(socket.text, `${HEAD}first`)
  t.ok(body.isPaused())
  t.equal(body.readableLength, 4)
  t.same([sent, counts.done], [[5], 0])
  t.same([socket.listenerCount('drain'), body.listenerCount('data')], [0, 0])
})

t.test('another sender can send the rest after stop()', async (t) => {
  const first = sending({ chunked: true })
  first.sender.start(HEAD)
  first.sender.stop()
  const second = sending({ body: first.body })
  second.sender.start(HEAD)
  first.body.end('all of it')
  await once(first.body, 'end')
  t.equal(second.socket.text, `${HEAD}9\r\nall of it\r\n0\r\n\r\n`)
  t.equal(first.socket.text, '', 'nothing of a request that is given up at once')
  t.same([first.counts.done, second.counts.done], [0, 1])
})

t.test(
  'a body that ended after one sender had stopped, and before the next began, is sent to its end',
  async (t) => {
    const kept = new RetryBuffer(100)
    const first = sending({ chunked: true, kept })
    first.sender.start(HEAD)
    first.body.write('hello')
    await turn()
    first.sender.stop()
    first.body.end().resume()
    await once(first.body, 'end')
    const next = sending({ kept, body: first.body })
    next.sender.start(HEAD)
    await turn()
    t.equal(next.socket.text, `${HEAD}5\r\nhello\r\n0\r\n\r\n`)
    t.equal(next.counts.done, 1)
  }
)
