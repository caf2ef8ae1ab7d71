import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { atEnd, sleep } from './test.js'

const LISTEN = `
const { parentPort, workerData } = require('node:worker_threads')
const server = require('node:net').createServer((socket) => {
  socket.on('error', () => {}).on('data', (bytes) => parentPort.postMessage(bytes.toString()))
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  parentPort.postMessage(server.address().port)
  // A blocked thread accepts nothing.
  Atomics.wait(new Int32Array(workerData), 0, 0)
})`
const FILLERS = 5

export interface FullBacklog {
  readonly address: string
  /** What it was sent. */
  readonly received: string[]
  /** From now on it accepts connections, in whatever time the system takes to try again. */
  release(): void
}

/** A backend to which connecting takes for ever: its queue is full, and nothing is taken from it. */
export async function fullBacklog(t: Test): Promise<FullBacklog> {
  const gate = new SharedArrayBuffer(4)
  const worker = new Worker(LISTEN, { eval: true, workerData: gate })
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  const fillers: Socket[] = Array.from({ length: FILLERS }, () =>
    connect(port, '127.0.0.1').on('error', () => {})
  )
  const received: string[] = []
  worker.on('message', (text) => received.push(text))
  const release = () => {
    for (const filler of fillers) filler.destroy()
    Atomics.store(new Int32Array(gate), 0, 1)
    Atomics.notify(new Int32Array(gate), 0)
  }
  atEnd(t, async () => {
    release()
    await worker.terminate()
  })
  await sleep(50)
  return { address: `127.0.0.1:${port}`, received, release }
}
