import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { LentWriter } from '../../../lib/base/sockets/lent-writer.js'
import { bulkReads, usualReads } from '../../../lib/base/sockets/read-buffer.js'
import { readAsStream, readShared } from '../../../lib/base/sockets/read-shared.js'
import { listen } from '../../support/listen.js'
import { atEnd, eventually, sleep, test } from '../../support/test.js'

const MIB = 1024 ** 2
const LENT = Buffer.alloc(100_000)

/** A connection, and its other end as a server has accepted it. */
async function pair(t: Test): Promise<{ socket: Socket; accepted: Socket }> {
  const server = createServer()
  const address = await listen(t, server)
  const connected = once(server, 'connection')
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1')
  atEnd(t, () => void socket.destroy())
  const [[accepted]] = (await Promise.all([connected, once(socket, 'connect')])) as [[Socket], unknown]
  atEnd(t, () => void accepted.destroy())
  return { socket, accepted }
}

/** All that was written has been taken. */
const taken = (socket: Socket) => new Promise<void>((resolve) => void socket.write('', () => resolve()))

/** Writes numbered pieces from memory that is overwritten after each. */
function writeLent(writer: LentWriter, number: number): void {
  LENT.fill(number)
  writer.write([LENT.subarray(0, 5), LENT.subarray(5)])
  LENT.fill(255)
}

test('lent bytes arrive, though their memory is used for others before they can be written', async (t) => {
  const { socket, accepted } = await pair(t)
  const writer = LentWriter.of(socket)
  t.equal(LentWriter.of(socket), writer, 'one for each socket')
  const pieces = 200
  for (let i = 0; i < pieces; i++) writeLent(writer, i)
  t.ok(socket.writableLength > 0, 'the system does not take all')
  t.ok(socket.writableLength < pieces * LENT.length, 'but some at once')
  let size = 0
  let isRight = true
  accepted.on('data', (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at++) isRight &&= bytes[at] === Math.floor((size + at) / LENT.length)
    size += bytes.length
  })
  await eventually(() => size === pieces * LENT.length)
  t.ok(isRight, 'byte for byte')
})

test('who is told that all is written is told at once, or when the rest is', async (t) => {
  const { socket, accepted } = await pair(t)
  const writer = LentWriter.of(socket)
  let written = 0
  const count = () => void written++
  writer.write([LENT], count)
  t.equal(written, 1)
  let sent = 1
  while (socket.writableLength === 0 && sent < 1000) {
    writer.write([LENT], count)
    sent++
  }
  t.equal(written, sent - 1, 'the last one waits')
  accepted.resume()
  await eventually(() => written === sent)
})

test('a reader is fast once it has taken much without delay, and no longer after one', async (t) => {
  const { socket, accepted } = await pair(t)
  const writer = LentWriter.of(socket)
  const pour = async (bytes: number) => {
    for (let sent = 0; sent < bytes; sent += LENT.length) {
      writer.write([LENT])
      if (socket.writableLength > 0) await taken(socket)
    }
  }
  accepted.resume()
  await pour(2 * MIB)
  t.notOk(writer.isFast)
  await pour(8 * MIB)
  t.ok(writer.isFast)
  accepted.pause()
  while (socket.writableLength === 0) writer.write([LENT])
  await sleep(1100)
  accepted.resume()
  await taken(socket)
  t.notOk(writer.isFast)
})

test('a lost connection is told of as by a write of Node', async (t) => {
  const { socket, accepted } = await pair(t)
  const errors: unknown[] = []
  accepted.on('error', ({ code, syscall }: NodeJS.ErrnoException) => errors.push([code, syscall]))
  // Nothing is read, so that only the write can show it.
  readShared(accepted, { readsBulk: false, onRead: () => {} })
  accepted.pause()
  socket.resetAndDestroy()
  await sleep(50)
  const told: unknown[] = []
  LentWriter.of(accepted).write([LENT], (error) => told.push((error as NodeJS.ErrnoException).code))
  await eventually(() => accepted.destroyed)
  t.same(errors, [['ECONNRESET', 'write']])
  t.same(told, ['ECONNRESET'])
})

test('an accepted socket reads into the memory that all share, and as a stream again', async (t) => {
  const { socket, accepted } = await pair(t)
  const chunks: Buffer[] = []
  const texts: string[] = []
  const reader = {
    readsBulk: false,
    onRead: (bytes: Buffer) => {
      chunks.push(bytes)
      texts.push(`${bytes}`)
    }
  }
  socket.write('early')
  await eventually(() => accepted.readableLength > 0)
  readShared(accepted, reader)
  socket.write(' next')
  await sleep(20)
  t.same(texts, [], 'what came before is told first')
  accepted.on('data', (bytes: Buffer) => void texts.push(`${bytes}`))
  await eventually(() => texts.join('') === 'early next')
  socket.write('shared')
  await eventually(() => texts.includes('shared'))
  t.equal(chunks.at(-1)!.buffer, bulkReads.buffer)
  readAsStream(accepted)
  const count = chunks.length
  socket.write('stream')
  await eventually(() => texts.includes('stream'))
  t.equal(chunks.length, count)
})

test('reads are large only where that is asked for', async (t) => {
  const { socket, accepted } = await pair(t)
  const reader = { readsBulk: false, largest: 0, size: 0 }
  readShared(accepted, {
    get readsBulk() {
      return reader.readsBulk
    },
    onRead({ length }: Buffer) {
      reader.largest = Math.max(reader.largest, length)
      reader.size += length
    }
  })
  socket.write(Buffer.alloc(4 * MIB))
  await eventually(() => reader.size === 4 * MIB)
  t.equal(reader.largest, usualReads.length)
  reader.readsBulk = true
  socket.write(Buffer.alloc(4 * MIB))
  await eventually(() => reader.size === 8 * MIB)
  t.ok(reader.largest > usualReads.length, `${reader.largest} bytes`)
})
