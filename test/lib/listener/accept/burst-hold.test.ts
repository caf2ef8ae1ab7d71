import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { BurstHold, type BurstLimits } from '../../../../lib/listener/accept/burst-hold.js'
import { eventually } from '../../../support/test.js'

/** However busy the machine is, what comes at once is a burst. */
const PATIENT: BurstLimits = { turns: 2, quietMsPerConnection: 0, maxMs: 20_000, maxMsPerConnection: 0 }
const COUNT = 50

/** A server behind a hold, which answers each connection with what it was sent, and what has happened in what order. */
async function holding(t: Test, limits: BurstLimits) {
  const events: string[] = []
  const server = createServer({ allowHalfOpen: true })
  const hold = new BurstHold(
    server,
    (socket) => {
      events.push('served')
      socket.pipe(socket)
    },
    limits
  )
  server.on('connection', (socket: Socket) => {
    events.push('accepted')
    socket.on('error', () => {})
    hold.add(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const open = () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
    sockets.push(socket)
    return socket
  }
  return { server, events, open, count: (event: string) => events.filter((each) => each === event).length }
}

/** Sends a text and its end, and resolves to what comes back. */
async function echo(socket: Socket, text: string): Promise<string> {
  socket.end(text)
  let answer = ''
  for await (const chunk of socket.setEncoding('utf8')) answer += chunk
  return answer
}

t.test('the connections of a burst are accepted before they are served, and all are served', async (t) => {
  const { server, events, open, count } = await holding(t, PATIENT)
  const texts = Array.from({ length: COUNT }, (_, i) => `${i}`)
  const answers = Promise.all(texts.map((text) => echo(open(), text)))
  t.same(await answers, texts)
  t.equal(count('accepted'), COUNT)
  t.equal(count('served'), COUNT)
  // The first is no burst yet, the second is what makes it one.
  t.same(events.slice(0, 6), ['accepted', 'served', 'accepted', 'served', 'accepted', 'accepted'])
  const third = events.findIndex((event, i) => event === 'served' && i > 3)
  t.ok(third > 8, `${third}`)
  await eventually(async () => (await connectionsOf(server)) === 0)
})

t.test('connections that come one by one are served as they come', async (t) => {
  const { server, events, open } = await holding(t, { ...PATIENT, quietMsPerConnection: 1000 })
  server.on('connection', () => t.notOk((server as { pauseOnConnect?: boolean }).pauseOnConnect))
  for (let i = 0; i < 3; i++) t.equal(await echo(open(), `${i}`), `${i}`)
  t.same(events, ['accepted', 'served', 'accepted', 'served', 'accepted', 'served'])
})

t.test('a burst that goes on is served after its time', async (t) => {
  const { server, open, count } = await holding(t, { ...PATIENT, quietMsPerConnection: 1000, maxMs: 50 })
  const early = Array.from({ length: 5 }, () => open())
  await eventually(() => count('accepted') === early.length)
  const timer = setInterval(open, 5)
  t.teardown(() => clearInterval(timer))
  await eventually(() => count('served') > early.length, 10_000)
  clearInterval(timer)
  t.ok(server.listening)
})

t.test('a connection whose client leaves while it is held does no harm', async (t) => {
  const { server, open, count } = await holding(t, { ...PATIENT, quietMsPerConnection: 100, maxMs: 300 })
  const sockets = Array.from({ length: 6 }, () => open())
  await eventually(() => count('accepted') === sockets.length)
  for (const [i, socket] of sockets.entries()) {
    if (i % 2 === 0) socket.resetAndDestroy()
    else socket.destroy()
  }
  await eventually(() => count('served') === sockets.length)
  await eventually(async () => (await connectionsOf(server)) === 0)
  t.equal(await echo(open(), 'still'), 'still')
})

function connectionsOf(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
}
