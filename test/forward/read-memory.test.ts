import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, startBalancer, test } from '../helper.js'
import { seededRandom } from '../support/random.js'
import { scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { fieldValue } from '../support/wire.js'

/** More than one read takes, so that it goes through all the memory there is. */
const NOISE = 300_000

const BURST = 104_000

/** Bytes that tell whose they are, wherever one looks. */
const marked = (id: string, size: number) => Buffer.alloc(size, `${id}|`)
const chunk = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
const request = (id: string) => `GET /${id} HTTP/1.1\r\nHost: x\r\nX-Id: ${id}\r\n\r\n`

/** A balancer whose backend answers a request for `/held` by what is written to `held`, and others with noise. */
async function beside(t: Test) {
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.startsWith('GET /held')) held.push(socket)
    else
      socket.write(
        Buffer.concat([
          Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${NOISE}\r\n\r\n`),
          marked('noise', NOISE)
        ])
      )
  })
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  const other = await RawClient.open(t, port)
  /** Lets other responses pass, through whatever memory they are read into. */
  const noise = async (times = 5) => {
    for (let i = 0; i < times; i++) {
      other.send(request('noise'))
      t.ok((await other.response()).body.equals(marked('noise', NOISE)))
    }
  }
  /** The response to a request that is sent in these pieces, with others between them. */
  const inPieces = async (pieces: readonly string[]) => {
    held.length = 0
    client.send(request('held'))
    await eventually(() => held.length === 1)
    for (const piece of pieces) {
      held[0]!.write(piece)
      await noise()
    }
    return client.response()
  }
  return { held, client, noise, inPieces }
}

test('a head in pieces is not mixed with other responses', async (t) => {
  const { inPieces } = await beside(t)
  const parts = [
    'HTTP/1.1 20',
    '0 Fine\r\nX-Na',
    'me: va',
    'lue\r\nContent-Le',
    'ngth: 4\r\n',
    '\r\nbo',
    'dy'
  ]
  const response = await inPieces(parts)
  t.equal(response.startLine, 'HTTP/1.1 200 Fine')
  t.equal(fieldValue(response.fields, 'x-name'), 'value')
  t.equal(response.body.toString(), 'body')
})

test('interim heads before a head in pieces are not mixed with other responses', async (t) => {
  const { inPieces } = await beside(t)
  const parts = [
    'HTTP/1.1 103 Early\r\nLi',
    'nk: a\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 Fine\r\nX-Na',
    'me: val',
    'ue\r\nContent-Length: 0\r\n\r\n'
  ]
  const response = await inPieces(parts)
  t.equal(response.startLine, 'HTTP/1.1 200 Fine')
  t.equal(fieldValue(response.fields, 'x-name'), 'value')
})

test('trailers in pieces are not mixed with other responses', async (t) => {
  const { inPieces } = await beside(t)
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n'
  for (const parts of [
    [`${head}X-Su`, 'm: abc', 'def\r\nX-Other: 1', '\r\n\r\n'],
    [`${head}X-Sum: abc`, 'def\r', '\nX-Ot', 'her: 1\r\n\r', '\n'],
    [head.slice(0, -3), '0\r\nX-Sum: abc', 'def\r\nX-Other: 1\r\n', '\r\n']
  ]) {
    const response = await inPieces(parts)
    t.same(response.trailers, [
      ['X-Sum', 'abcdef'],
      ['X-Other', '1']
    ])
    t.equal(response.body.toString(), 'hello')
  }
})

for (const framing of ['chunked', 'length', 'close'] as const) {
  for (const size of [10_000, 60_000, 400_000]) {
    test(`a response that waits for its turn is not mixed with others (${framing}, ${size} bytes)`, async (t) => {
      const { held, client, noise } = await beside(t)
      client.send(request('held-first') + request('held-second'))
      await eventually(() => held.length === 2)
      const body = marked('second', size)
      // In pieces of which many come in one read.
      const pieces = Array.from({ length: 10 }, (_, i) =>
        body.subarray((i * size) / 10, ((i + 1) * size) / 10)
      )
      const bytes = {
        chunked: ['Transfer-Encoding: chunked', ...pieces.map(chunk), '0\r\nX-Sum: second\r\n\r\n'],
        length: [`Content-Length: ${size}`, ...pieces],
        close: ['X: y', ...pieces]
      }[framing]
      const [field, ...rest] = bytes.map((part) => Buffer.from(part))
      const second = held[1]!
      second.write(
        Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n'), field!, Buffer.from('\r\n\r\n'), ...rest])
      )
      if (framing === 'close') second.end()
      await sleep(20)
      await noise()
      held[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst')
      t.equal((await client.response()).body.toString(), 'first')
      await noise()
      const response = await client.response()
      t.ok(response.body.equals(body))
      if (framing === 'chunked') t.same(response.trailers, [['X-Sum', 'second']])
    })
  }
}

test('many responses at once, in pieces of any size, stay apart', async (t) => {
  const random = seededRandom(7)
  const backend = await scripted(t, ({ fields }, socket) => {
    const [id = '', size = '', framing = ''] = fieldValue(fields, 'x-id')!.split('.')
    const body = marked(id, Number(size))
    const head = framing === 'c' ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`
    const parts = [Buffer.from(`HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n${head}\r\n\r\n`)]
    for (let at = 0; at < body.length; ) {
      const piece = body.subarray(at, at + 1 + Math.floor(random() * 30_000))
      parts.push(framing === 'c' ? chunk(piece) : piece)
      at += piece.length
    }
    if (framing === 'c') parts.push(Buffer.from(`0\r\nX-Sum: ${id}\r\n\r\n`))
    const bytes = Buffer.concat(parts)
    const send = (at: number) => {
      const end = at + 1 + Math.floor(random() * 80_000)
      socket.write(bytes.subarray(at, end))
      if (end < bytes.length) setTimeout(send, random() * 3, end)
    }
    send(0)
  })
  const { port } = await startBalancer(t, [backend])
  let failures = 0
  const client = async (number: number) => {
    const connection = await RawClient.open(t, port)
    for (let i = 0; i < 8; i++) {
      const size = Math.floor(random() ** 3 * 300_000)
      const framing = random() < 0.5 ? 'c' : 'l'
      const id = `n${number}i${i}`
      connection.send(request(`${id}.${size}.${framing}`))
      // Some are slow to read.
      if (random() < 0.3) {
        connection.socket.pause()
        await sleep(random() * 30)
        connection.socket.resume()
      }
      const { fields, body, trailers, startLine } = await connection.response()
      const isRight =
        startLine === 'HTTP/1.1 200 OK' &&
        fieldValue(fields, 'x-id') === id &&
        body.equals(marked(id, size)) &&
        (framing === 'l' || trailers[0]?.[1] === id)
      if (!isRight) failures++
    }
  }
  await Promise.all(Array.from({ length: 40 }, (_, number) => client(number)))
  t.equal(failures, 0)
})

/** Reads about as much as `size`, or what is left after a while, and no more. */
async function readSome(socket: Socket, size: number): Promise<void> {
  const enough = socket.bytesRead + size
  const onData = () => void (socket.bytesRead >= enough && socket.pause())
  socket.on('data', onData).resume()
  await eventually(() => socket.isPaused(), 50).catch(() => {})
  socket.off('data', onData).pause()
}

test('a response that is read bit by bit is not mixed with others', async (t) => {
  const { held, client, noise } = await beside(t)
  const size = 30_000_000
  const body = marked('slow', size)
  client.send(request('held'))
  await eventually(() => held.length === 1)
  const [socket] = held
  socket!.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
  // A burst is more than one read takes and less than two do, so that the second is not full.
  const send = async () => {
    for (let at = 0; at < size; at += BURST) {
      if (!socket!.write(body.subarray(at, at + BURST))) await once(socket!, 'drain')
      await sleep(1)
    }
  }
  const sent = send()
  client.socket.pause()
  await sleep(300)
  while (client.socket.bytesRead < size) {
    await readSome(client.socket, 700_000)
    // The balancer cannot get rid of what it has read, while other responses pass.
    await noise(1)
  }
  client.socket.resume()
  t.ok((await client.response()).body.equals(body))
  await sent
})
