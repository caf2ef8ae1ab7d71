import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { eventually, sleep } from './test.js'

/** Writes `piece` so often, as fast as it is taken. Returns how many bytes of it have been taken so far. */
export function pour(to: Writable, piece: Buffer, times: number, done: () => void = () => {}): () => number {
  let left = times
  const more = () => {
    while (left > 0) {
      left--
      if (!to.write(piece)) return
    }
    to.off('drain', more)
    done()
  }
  to.on('drain', more)
  more()
  return () => (times - left) * piece.length - to.writableLength
}

/** How many bytes have left the process over the sockets, once no more do. */
export async function stalled(sockets: readonly Socket[], timeoutMs = 10_000): Promise<number> {
  let before = -1
  let written = 0
  await eventually(async () => {
    before = written
    await sleep(150)
    written = sockets.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0)
    return written > 1_000_000 && written === before
  }, timeoutMs)
  return written
}
