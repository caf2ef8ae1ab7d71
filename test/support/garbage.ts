import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Node was not started with it.
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** What this process still holds when all garbage is collected, in bytes. */
export async function heldMemory(): Promise<{ heap: number; buffers: number }> {
  // Some is let go of only by callbacks that run after a collection.
  for (let i = 0; i < 3; i++) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { heap: heapUsed, buffers: arrayBuffers }
}
