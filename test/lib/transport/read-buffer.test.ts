import t from 'tap'
import { ReadBuffer } from '../../../lib/transport/read-buffer.js'

const SHARED_BYTES = 65_536
const LARGE_BYTES = 131_072
const MAX_SPARE = 16

/** A read that has come and was passed on. */
function read(memory: ReadBuffer, length: number, isKept = false): void {
  memory.filled(length)
  if (isKept) memory.isRetained = true
  memory.recycle(length)
}

/** Memory whose next read goes into a large buffer of its own. */
function enlarged(): ReadBuffer {
  const memory = new ReadBuffer()
  read(memory, SHARED_BYTES)
  return memory
}

t.test('reads that do not fill it go into the memory that all connections share', async (t) => {
  const [one, other] = [new ReadBuffer(), new ReadBuffer()]
  const shared = one.buffer
  t.equal(shared.length, SHARED_BYTES)
  for (const length of [1, SHARED_BYTES - 1]) {
    t.ok(one.buffer === shared)
    t.ok(other.buffer === shared)
    t.ok(one.isShared)
    const bytes = one.filled(length)
    t.same(
      [bytes.buffer === shared.buffer, bytes.byteOffset, bytes.length],
      [true, shared.byteOffset, length]
    )
    one.recycle(length)
  }
})

t.test('who keeps what is shared gets no memory of his own by it', async (t) => {
  const memory = new ReadBuffer()
  read(memory, 100, true)
  t.ok(memory.isShared)
})

t.test(
  'a read that fills the memory is followed by one into a large one, of that connection alone',
  async (t) => {
    const [one, other] = [enlarged(), enlarged()]
    t.same([one.buffer.length, other.buffer.length], [LARGE_BYTES, LARGE_BYTES])
    t.not(one.buffer.buffer, other.buffer.buffer)
    t.notOk(one.isShared)
    t.equal(one.filled(LARGE_BYTES).buffer, one.buffer.buffer)
  }
)

t.test('and that by one into the shared one again, unless it was filled too', async (t) => {
  const memory = enlarged()
  read(memory, LARGE_BYTES)
  t.equal(memory.buffer.length, LARGE_BYTES)
  // More than the shared one would hold, but not all.
  read(memory, LARGE_BYTES - 1)
  t.ok(memory.isShared)
  read(memory, 1)
  t.ok(memory.isShared)
})

t.test('memory that was passed on is used again, for any connection', async (t) => {
  const memory = enlarged()
  const { buffer } = memory
  read(memory, LARGE_BYTES)
  t.ok(memory.buffer === buffer, 'for the same')
  read(memory, 1)
  const other = enlarged()
  t.ok(other.buffer === buffer, 'for another one')
})

t.test('memory that is kept is used no more', async (t) => {
  const memory = enlarged()
  const { buffer } = memory
  read(memory, LARGE_BYTES, true)
  t.ok(memory.buffer !== buffer)
  const later = Array.from({ length: MAX_SPARE + 1 }, enlarged)
  t.notOk(later.some((other) => other.buffer === buffer))
  const { buffer: next } = memory
  read(memory, LARGE_BYTES)
  t.ok(memory.buffer === next, 'what is kept is only what was read last')
})

t.test('of what is spare only so much is held', async (t) => {
  const many = Array.from({ length: 2 * MAX_SPARE }, enlarged)
  const buffers = new Set(many.map(({ buffer }) => buffer))
  t.equal(buffers.size, many.length)
  for (const memory of many) read(memory, 1)
  const reused = many.map(() => enlarged()).filter(({ buffer }) => buffers.has(buffer))
  t.equal(reused.length, MAX_SPARE)
})
