import { existsSync, readFileSync, rmSync } from 'node:fs'
import { isMainThread, workerData } from 'node:worker_threads'

// Loaded into a balancer before its own code: a thread dies, or is blocked, when a file names it: `1 die`, `1 block 3000`. What it says
// at the start of a thread happens before that accepts connections.

const POLL_MS = 10
const file = process.env.THREAD_FAULT_FILE

if (!isMainThread && file !== undefined) {
  const { own } = (workerData as { readonly threads: { readonly own: number } }).threads
  const look = () => {
    if (!existsSync(file)) return
    const [thread, fault, ms] = readFileSync(file, 'utf8').split(' ')
    if (Number(thread) !== own) return
    rmSync(file, { force: true })
    if (fault === 'die') throw new Error('a fault that a test wants')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms))
  }
  look()
  setInterval(look, POLL_MS)
}
