import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Node was not started with it.
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** A collection that frees no more than this is followed by no other. */
const LITTLE = 50_000

function collected(): { heap: number; buffers: number } {
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { heap: heapUsed, buffers: arrayBuffers }
}

/** What this process still holds when all garbage is collected, in bytes. */
export async function heldMemory(): Promise<{ heap: number; buffers: number }> {
  let held = collected()
  // Some is released only by callbacks that run after a collection.
  for (let i = 0; i < 2; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    const before = held
    held = collected()
    if (before.heap + before.buffers - held.heap - held.buffers < LITTLE) break
  }
  return held
}

/**
 * So many bytes of buffers are held more than `before`: garbage is collected only while that would be `limit` or more, as
 * it takes long.
 */
export async function buffersSince(before: { readonly buffers: number }, limit: number): Promise<number> {
  for (let collections = 0; ; collections++) {
    const most = process.memoryUsage().arrayBuffers - before.buffers
    if (most < limit || collections === 3) return most
    await new Promise((resolve) => setImmediate(resolve))
    gc()
  }
}

/**
 * At most so many bytes more are held than `before`: garbage is collected only where that would be `limit` or more, as
 * it takes long.
 */
export async function heldSince(
  before: Readonly<{ heap: number; buffers: number }>,
  limit: number
): Promise<number> {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  const most = heapUsed + arrayBuffers - before.heap - before.buffers
  if (most < limit) return most
  const { heap, buffers } = await heldMemory()
  return heap + buffers - before.heap - before.buffers
}
