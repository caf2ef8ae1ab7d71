import { isMainThread, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads'

import { nowMs } from './clock'

interface Beat {
  rate: number
  startMs: number
}

/**
 * Calls back when requests are due, `rate` a second from `startMs` on, with how many have been until then. Timers of an
 * event loop have a grain of a millisecond; a thread that sleeps on a cell wakes within a tenth of that.
 */
export function startMetronome(beat: Beat, due: (count: number) => void): Worker {
  const worker = new Worker(__filename, { workerData: beat })
  worker.on('message', due)
  return worker
}

function tick(port: MessagePort, { rate, startMs }: Beat): never {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  for (let count = 1; ; count++) {
    const waitMs = startMs + (count * 1000) / rate - nowMs()
    if (waitMs > 0) Atomics.wait(cell, 0, 0, waitMs)
    count = Math.max(count, Math.floor(((nowMs() - startMs) * rate) / 1000))
    port.postMessage(count)
  }
}

if (!isMainThread) tick(parentPort!, workerData as Beat)
