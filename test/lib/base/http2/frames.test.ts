import fc from 'fast-check'
import t from 'tap'
import { FrameReader, type FrameSink } from '../../../../lib/base/http2/frames/frame-reader.js'
import { Flag, frame, Type, uint32 } from '../../../support/http2-frames.js'

/** Notes what it is told, data that follows data as one. */
class Recorder implements FrameSink {
  readonly told: unknown[][] = []

  onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    this.told.push([type, flags, id, payload.toString('latin1')])
  }

  onDataFrame(id: number, length: number): void {
    this.told.push(['begin', id, length])
  }

  onData(id: number, chunk: Buffer): void {
    const last = this.told.at(-1)!
    const text = chunk.toString('latin1')
    if (last[0] === 'data') last[2] += text
    else this.told.push(['data', id, text])
  }

  onDataFrameEnd(id: number, flags: number): void {
    this.told.push(['end', id, flags])
  }
}

function read(parts: readonly Buffer[]): unknown[][] {
  const recorder = new Recorder()
  const reader = new FrameReader(recorder)
  for (const part of parts) {
    const bytes = Buffer.from(part)
    reader.parse(bytes)
    bytes.fill('?')
  }
  return recorder.told
}

const padded = (text: string, padding: number) =>
  Buffer.concat([Buffer.from([padding]), Buffer.from(text), Buffer.alloc(padding)])

const BYTES = Buffer.concat([
  frame(Type.ping, 0, 0, '12345678'),
  frame(Type.data, 0, 1, 'hello'),
  frame(Type.data, 0, 3),
  frame(Type.data, Flag.padded, 1, padded('there', 3)),
  frame(Type.data, Flag.padded | Flag.endStream, 1, padded('', 0)),
  frame(Type.data, Flag.padded, 3, padded('', 2)),
  frame(Type.reset, 0, 0x8000_0005, uint32(8)),
  frame(0xee, 0xff, 7, 'unknown')
])

const TOLD = [
  [Type.ping, 0, 0, '12345678'],
  ['begin', 1, 5],
  ['data', 1, 'hello'],
  ['end', 1, 0],
  ['begin', 3, 0],
  ['end', 3, 0],
  ['begin', 1, 9],
  ['data', 1, 'there'],
  ['end', 1, Flag.padded],
  ['begin', 1, 1],
  ['end', 1, Flag.padded | Flag.endStream],
  ['begin', 3, 3],
  ['end', 3, Flag.padded],
  [Type.reset, 0, 5, '\0\0\0\b'],
  [0xee, 0xff, 7, 'unknown']
]

t.test('frames are passed on, however they are cut', async (t) => {
  t.same(read([BYTES]), TOLD)
  t.same(read([...BYTES].map((byte) => Buffer.from([byte]))), TOLD, 'byte by byte')
  const places = fc.uniqueArray(fc.integer({ min: 1, max: BYTES.length - 1 }), { maxLength: 12 })
  fc.assert(
    fc.property(places, (unsorted) => {
      const cuts = [0, ...unsorted.sort((a, b) => a - b)]
      t.same(read(cuts.map((from, i) => BYTES.subarray(from, cuts[i + 1]))), TOLD)
    })
  )
})

for (const [what, bytes, errorCode] of [
  ['a frame that is too long', Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1]), 6],
  ['more padding than there is payload', frame(Type.data, Flag.padded, 1, Buffer.from([3, 1, 1])), 1],
  ['padding without its length', frame(Type.data, Flag.padded, 1), 1]
] as const) {
  t.test(`${what} is broken`, async (t) => {
    t.throws(() => read([bytes]), { code: 'LB_HTTP2_ERROR', errorCode })
  })
}

t.test('a frame of the maximal length is accepted', async (t) => {
  t.equal(read([frame(Type.data, 0, 1, Buffer.alloc(16_384))]).length, 3)
})

t.test('stopped during a read, it passes on nothing more', async (t) => {
  const recorder = new Recorder()
  const reader = new FrameReader(recorder)
  recorder.onData = () => reader.stop()
  reader.parse(BYTES)
  t.same(recorder.told, TOLD.slice(0, 2))
})
