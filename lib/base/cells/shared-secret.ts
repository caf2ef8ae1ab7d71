import { randomFillSync } from 'node:crypto'
import type { SharedCells } from './shared-cells.js'

const SECRET_CELLS = 8

/**
 * A secret of 256 bits that all threads have, and nobody else: made at random by the thread that owns the cells, before it
 * tells others of them.
 */
export function sharedSecret(shared: SharedCells, name: string): Buffer {
  const cells = shared.named(name, SECRET_CELLS)
  if (shared.isOwner && cells.every((cell) => cell === 0)) randomFillSync(cells)
  return Buffer.from(Int32Array.from(cells).buffer)
}
