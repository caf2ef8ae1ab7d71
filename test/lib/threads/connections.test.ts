import { once } from 'node:events'
import type { Socket } from 'node:net'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { MessageChannel, Worker } from 'node:worker_threads'
import { clientAddress, speaksTls } from '../../../lib/listener/client/connection-info.js'
import { ThreadClient, ThreadServer } from '../../../lib/threads/connections.js'
import { atEnd, eventually, test } from '../../support/test.js'

const FILE = path.join(__dirname, '../../../lib/threads/connections.js')
const ORIGIN = { address: '192.0.2.1', isEncrypted: true, proxyHeader: undefined }
/** Opens two connections, and waits. */
const OPENER = `
const { workerData } = require('node:worker_threads')
const { ThreadClient } = require(workerData.file)
const client = new ThreadClient(workerData.port)
for (const text of ['one', 'two']) client.connect(${JSON.stringify(ORIGIN)}).write(text)
setInterval(() => {}, 1000)
`

test('a connection counts as that of the client for whom it was opened', async (t) => {
  const { port1, port2 } = new MessageChannel()
  const served: Duplex[] = []
  const server = new ThreadServer((connection) => served.push(connection))
  server.listen(port1)
  atEnd(t, () => server.close())
  const client = new ThreadClient(port2)
  const header = {
    length: 1,
    source: { address: '10.0.0.1', port: 1, localAddress: '10.0.0.2', localPort: 2 }
  }
  client.connect(ORIGIN)
  client.connect({ ...ORIGIN, isEncrypted: false, proxyHeader: header })
  await eventually(() => served.length === 2)
  const sockets = served as Socket[]
  t.same(sockets.map(clientAddress), ['192.0.2.1', '10.0.0.1'])
  t.same(sockets.map(speaksTls), [true, false])
})

test('the connections of a thread end with it', async (t) => {
  const { port1, port2 } = new MessageChannel()
  const served: Duplex[] = []
  const server = new ThreadServer((connection) => served.push(connection.resume()))
  server.listen(port1)
  atEnd(t, () => server.close())
  const workerData = { file: FILE, port: port2 }
  const worker = new Worker(OPENER, { eval: true, workerData, transferList: [port2] })
  atEnd(t, () => worker.terminate())
  await eventually(() => served.length === 2)
  t.equal(server.size, 2)
  await worker.terminate()
  await eventually(() => served.every(({ destroyed }) => destroyed))
  t.equal(server.size, 0)
})

test('when the other thread is no more, connections end, and no more are opened', async (t) => {
  const { port1, port2 } = new MessageChannel()
  const client = new ThreadClient(port2)
  const connection = client.connect(ORIGIN)!
  const closed = once(connection, 'close')
  port1.close()
  await closed
  t.equal(connection.write('late'), false)
  await eventually(() => client.connect(ORIGIN) === undefined)
})
