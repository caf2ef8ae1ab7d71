import { existsSync, readFileSync, rmSync } from 'node:fs'
import { isMainThread, workerData } from 'node:worker_threads'

// Loaded into a balancer before its own code: a thread dies, or is blocked, when a file names it: `1 die`, `1 block 3000`.

const POLL_MS = 10
const file = process.env.THREAD_FAULT_FILE

if (!isMainThread && file !== undefined) {
  const { own } = (workerData as { readonly threads: { readonly own: number } }).threads
  setInterval(() => {
    if (!existsSync(file)) return
    const [thread, fault, ms] = readFileSync(file, 'utf8').split(' ')
    if (Number(thread) !== own) return
    rmSync(file, { force: true })
    if (fault === 'die') throw new Error('a fault that a test wants')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms))
  }, POLL_MS)
}
