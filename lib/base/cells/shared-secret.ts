import { randomBytes } from 'node:crypto'
import type { SharedCells } from './shared-cells.js'

/** A key of 64 bits that all threads have, and nobody else: made at random by the thread that owns the cells. */
export function sharedSecret(cells: SharedCells): readonly [number, number] {
  const words = cells.named('secret', 2)
  if (cells.isOwner && Atomics.load(words, 0) === 0) {
    const bytes = randomBytes(8)
    Atomics.store(words, 1, bytes.readInt32LE(4))
    // 0 means that there is none yet.
    Atomics.store(words, 0, bytes.readInt32LE(0) || 1)
  }
  return [Atomics.load(words, 0), Atomics.load(words, 1)]
}
