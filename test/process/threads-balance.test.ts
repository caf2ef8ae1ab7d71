import { connect } from 'node:net'
import { eventually, test } from '../helper.js'
import { atEnd } from '../support/test.js'
import { backend, type Served, started } from '../support/threads.js'

const REQUESTS = 1000
/** For as long as it takes to send all of them. */
const HELD = `GET /60000 HTTP/1.1\r\nHost: x\r\n\r\n`

for (const weights of [
  [1, 1, 1, 1, 1, 1, 1],
  [1, 2, 3, 1, 5, 2, 4]
])
  test(`${REQUESTS} requests of several threads are spread by weights ${weights}, as one thread would`, async (t) => {
    const threads = 3
    const backends: Served[] = []
    for (const weight of weights) {
      const each = await backend(t)
      backends.push({ ...each, address: `${each.address};weight=${weight};no-check` })
    }
    const env = { LB_MAX_CONNECTIONS: `${REQUESTS}`, LB_STALL_TIMEOUT: '0' }
    const { port, stats } = await started(t, backends, env, threads)
    const sockets = Array.from({ length: REQUESTS }, () => {
      const socket = connect(port, '127.0.0.1')
      socket.write(HELD)
      return socket
    })
    atEnd(t, () => {
      for (const socket of sockets) socket.destroy()
    })
    await eventually(() => backends.reduce((sum, { now }) => sum + now.active, 0) === REQUESTS)
    const { backends: shown, threads: shares, requests } = await stats()
    t.equal(requests.inFlight, REQUESTS)
    t.ok(
      shares.every(({ inFlight }) => inFlight > 0),
      `all threads have some: ${shares.map(({ inFlight }) => inFlight)}`
    )
    const active = shown.map((each) => each.active)
    t.same(
      active,
      backends.map(({ now }) => now.active)
    )
    for (const [i, mine] of active.entries())
      for (const [j, others] of active.entries())
        t.ok(
          (mine - (threads - 1)) / weights[i]! <= (others + 1) / weights[j]!,
          `${mine} of ${weights[i]} and ${others} of ${weights[j]}`
        )
    if (new Set(weights).size === 1) t.ok(Math.max(...active) - Math.min(...active) <= threads, `${active}`)
  })
