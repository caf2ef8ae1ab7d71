import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { MessageChannel } from 'node:worker_threads'
import type { Test } from 'tap'
import { PortStream } from '../../../lib/threads/port-stream.js'
import { atEnd, eventually, sleep, test } from '../../support/test.js'

const MIB = 1024 * 1024

function pair(t: Test): [PortStream, PortStream] {
  const { port1, port2 } = new MessageChannel()
  const streams: [PortStream, PortStream] = [new PortStream(port1), new PortStream(port2)]
  for (const stream of streams) atEnd(t, () => stream.destroy())
  return streams
}

/** Bytes that tell of their place. */
const pattern = (size: number) => Buffer.from(Uint32Array.from({ length: size / 4 }, (_, i) => i).buffer)

test('bytes of any size arrive as they were sent, in both directions, and then the end', async (t) => {
  const [one, other] = pair(t)
  other.pipe(other)
  const sent = pattern(3 * MIB)
  const parts: Buffer[] = []
  one.on('data', (part) => parts.push(part))
  for (const [from, to] of [
    [0, 1],
    [1, 1],
    [1, 100_000],
    [100_000, sent.length]
  ] as const)
    one.write(sent.subarray(from, to))
  one.end()
  await once(one, 'end')
  t.ok(Buffer.concat(parts).equals(sent))
  t.equal(parts.length >= 48, true, 'in pieces')
})

test('memory that a part shares with others is not sent', async (t) => {
  const [one, other] = pair(t)
  const shared = Buffer.alloc(MIB, 'x')
  one.write(shared.subarray(10, 20))
  const [part] = (await once(other, 'data')) as [Buffer]
  t.equal(part.toString(), 'x'.repeat(10))
  t.equal(part.buffer.byteLength, 10)
  t.equal(shared.length, MIB, 'nor lost')
})

test('who does not read is sent little, and all of it once it reads', async (t) => {
  const [one, other] = pair(t)
  let taken = 0
  const source = Readable.from(
    (function* () {
      for (; taken < 64; taken++) yield Buffer.alloc(64 * 1024)
    })(),
    { objectMode: false, highWaterMark: 1 }
  )
  source.pipe(one)
  await eventually(() => other.readableLength > 0)
  await sleep(50)
  t.ok(taken < 8, `${taken} of 64 parts were read`)
  let bytes = 0
  other.on('data', (part: Buffer) => {
    bytes += part.length
  })
  await once(other, 'end')
  t.equal(bytes, 64 * 64 * 1024)
})

test('when one side is destroyed, the other is, without an error', async (t) => {
  const [one, other] = pair(t)
  one.write('hello')
  await once(other, 'data')
  const closed = once(other, 'close')
  one.destroy()
  await closed
  t.equal(other.destroyed, true)
  t.equal(other.write('late'), false)
})

test('what was sent before the end can be read when the other side is gone', async (t) => {
  const [one, other] = pair(t)
  const sent = pattern(8 * 1024)
  const parts: Buffer[] = []
  one.write(sent)
  one.destroySoon()
  await once(one, 'close')
  await sleep(20)
  await new Promise((resolve) =>
    other
      .pipe(new PassThrough())
      .on('data', (part) => parts.push(part))
      .on('end', resolve)
  )
  t.ok(Buffer.concat(parts).equals(sent))
})
