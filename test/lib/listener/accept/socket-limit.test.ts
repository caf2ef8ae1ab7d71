import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Counters } from '../../../../lib/base/cells/counters.js'
import { createCells, rowCells } from '../../../../lib/base/cells/rows.js'
import { limitSockets } from '../../../../lib/listener/accept/socket-limit.js'
import { BalancerCell } from '../../../../lib/pool/cells.js'
import { listen } from '../../../support/listen.js'
import { eventually } from '../../../support/test.js'

const MAX = 3
const cell = BalancerCell.sockets

interface LimitedServer {
  readonly counters: Counters
  readonly accepted: Socket[]
  readonly dropped: () => number
  /** Connects to it. */
  open(): Socket
}

/** As many servers as there are threads, with one limit. */
async function limited(t: Test, count: number): Promise<LimitedServer[]> {
  const cells = createCells(rowCells({ count, own: 0 }), { count, own: 0 })
  const servers: LimitedServer[] = []
  for (let own = 0; own < count; own++) {
    const threads = { count, own }
    const counters = new Counters(threads, cells)
    const accepted: Socket[] = []
    let drops = 0
    const server = createServer((socket) => void accepted.push(socket.on('error', () => {}).resume()))
    limitSockets(server, MAX, { counters, cell, threads }, () => drops++)
    const port = Number((await listen(t, server)).split(':')[1])
    const open = () => {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      t.teardown(() => socket.destroy())
      return socket
    }
    servers.push({ counters, accepted, dropped: () => drops, open })
  }
  return servers
}

const total = (servers: readonly LimitedServer[], of: (server: LimitedServer) => number) =>
  servers.reduce((sum, server) => sum + of(server), 0)
const acceptedBy = (servers: readonly LimitedServer[]) => total(servers, ({ accepted }) => accepted.length)
const droppedBy = (servers: readonly LimitedServer[]) => total(servers, ({ dropped }) => dropped())

for (const count of [1, 2])
  t.test(`${count} servers accept as many connections as one may have`, async (t) => {
    const servers = await limited(t, count)
    for (let i = 0; i < 4 * MAX; i++) servers[i % count]!.open()
    await eventually(() => acceptedBy(servers) + droppedBy(servers) === 4 * MAX)
    t.equal(acceptedBy(servers), MAX)
    servers.find(({ accepted }) => accepted.length > 0)!.accepted[0]!.destroy()
    await eventually(() => servers[0]!.counters.sum(cell) < MAX)
    for (let i = 0; i < MAX; i++) servers[i % count]!.open()
    await eventually(() => acceptedBy(servers) + droppedBy(servers) === 5 * MAX)
    t.equal(acceptedBy(servers), MAX + 1, 'there was room for one')
  })

t.test('a connection gives its place back once, and a thread that has ended has none', async (t) => {
  const servers = await limited(t, 2)
  const [first, second] = servers as [LimitedServer, LimitedServer]
  first.open()
  for (let i = 1; i < MAX; i++) second.open()
  await eventually(() => acceptedBy(servers) === MAX)
  const [socket] = first.accepted as [Socket]
  socket.destroy()
  await once(socket, 'close')
  socket.emit('close')
  t.equal(first.counters.sum(cell), MAX - 1)
  first.counters.clearThread(1)
  for (let i = 0; i < 2 * MAX; i++) first.open()
  await eventually(() => first.accepted.length + first.dropped() === 1 + 2 * MAX)
  t.equal(first.accepted.length, 1 + MAX)
})
