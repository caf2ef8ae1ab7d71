import type { Test } from 'tap'
import { atEnd, eventually, sleep, startBalancer, test } from '../helper.js'
import { checkAnswer, makeAnswer, pattern } from '../support/answer.js'
import { scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import type { Message } from '../support/wire.js'

const get = (id: string) => `GET /${id} HTTP/1.1\r\nHost: x\r\n\r\n`

const idOf = ({ startLine }: Message) => startLine.split(' ')[1]!.slice(1)

/** Requests that keep the memory of reads in use until the end of the test. */
function overwrite(t: Test, port: number): void {
  let over = false
  atEnd(t, () => {
    over = true
  })
  const fill = async () => {
    const client = await RawClient.open(t, port)
    while (!over) {
      client.send(get('noise'))
      await client.response()
      await sleep(1)
    }
  }
  for (let i = 0; i < 2; i++) fill().catch(() => {})
}

const MUCH = 6_000_000

for (const [framing, chunks] of [
  ['chunked', [30_000]],
  ['chunked', [500, 70_000, 3]],
  ['length', []],
  ['close', []]
] as const) {
  const what = `${framing} ${chunks.join(' ')}`.trim()
  const wanted = makeAnswer({ framing, size: MUCH, chunks, trailerCount: 2, id: 'much' })
  const noise = Buffer.concat([
    Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n'),
    pattern('wrong', 400_000)
  ])
  const serve = (t: Test, first: () => Promise<void> = async () => {}) =>
    scripted(t, async (request, socket) => {
      if (idOf(request) === 'noise') return void socket.write(noise)
      if (idOf(request) === 'first') {
        await first()
        return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      }
      if (wanted.closes) socket.end(wanted.bytes)
      else socket.write(wanted.bytes)
    })

  test(`a client that reads by fits and starts gets all (${what})`, async (t) => {
    const { port } = await startBalancer(t, [await serve(t)])
    overwrite(t, port)
    const client = await RawClient.open(t, port)
    client.send(get('much'))
    let over = false
    const stutter = (async () => {
      while (!over) {
        client.socket.pause()
        await sleep(60)
        const until = client.socket.bytesRead + 1_500_000
        client.socket.resume()
        await eventually(() => over || client.socket.bytesRead > until, 300).catch(() => {})
      }
    })()
    const got = await client.response({ timeoutMs: 20_000 })
    over = true
    await stutter
    checkAnswer(t, wanted, got, what)
  })

  test(`a response that waits for its turn keeps all (${what})`, async (t) => {
    let turn!: () => void
    const come = new Promise<void>((resolve) => {
      turn = resolve
    })
    const { port } = await startBalancer(t, [await serve(t, () => come)])
    overwrite(t, port)
    const client = await RawClient.open(t, port)
    client.send(get('first') + get('much'))
    await sleep(150)
    turn()
    await client.response()
    checkAnswer(t, wanted, await client.response({ timeoutMs: 20_000 }), what)
  })
}

test('a response that waits for its turn has its end before it', async (t) => {
  // Sizes at which the memory of a read, the body, or what a client is held in is just full.
  const sizes = [16_384, 20_000, 65_400, 65_536, 70_000, 131_072]
  for (const framing of ['close', 'chunked', 'length'] as const) {
    for (const size of sizes) {
      const wanted = makeAnswer({ framing, size, chunks: [17_000], trailerCount: 1, id: `end${size}` })
      const backend = await scripted(t, async (request, socket) => {
        if (idOf(request) === 'first') {
          await sleep(60)
          return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        }
        socket.end(wanted.bytes)
      })
      const { port } = await startBalancer(t, [backend])
      const client = await RawClient.open(t, port)
      client.send(get('first') + get('second'))
      await client.response()
      checkAnswer(t, wanted, await client.response(), `${framing} ${size}`)
    }
  }
})
