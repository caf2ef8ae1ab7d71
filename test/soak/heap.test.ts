import { freePort } from '../../scenarios/processes.js'
import { Heap } from '../../soak/heap.js'
import { eventually, test } from '../helper.js'
import { Child } from '../support/child.js'

const HELD_MIB = 40
const SCRIPT = `
const { Worker } = require('node:worker_threads')
const code = 'held = Buffer.alloc(${HELD_MIB} << 20); setInterval(() => {}, 1000)'
const worker = new Worker(code, { eval: true })
process.stdin.on('data', () => worker.terminate())`

test('the memory of a process is that of all its threads', async (t) => {
  const port = await freePort()
  const child = new Child(t, [`--inspect=127.0.0.1:${port}`, '-e', SCRIPT])
  const heap = await Heap.of(port)
  await eventually(async () => (await heap.usedMib()) > HELD_MIB)
  child.type('end it\n')
  await eventually(async () => (await heap.usedMib()) < HELD_MIB)
  heap.close()
})
