import { LANE_MODES } from '../../lib/listener/http1/lane/options.js'
import { eventually, startBalancer, test } from '../helper.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

for (const mode of LANE_MODES) {
  test(`requests that have come before a drain are answered (${mode})`, async (t) => {
    const held: (() => void)[] = []
    const backend = await scripted(t, (_request, socket) => held.push(() => socket.write(OK)))
    const balancer = await startBalancer(t, [backend], { LB_LANE: mode, LB_DRAIN_TIMEOUT: '20' })
    const client = await RawClient.open(t, balancer.port)
    client.send(get('/1'))
    await eventually(() => held.length === 1)
    client.send(get('/2') + get('/3'))
    // One that was read before the drain is under way by then, or is kept.
    await new Promise((resolve) => setTimeout(resolve, 100))
    const closed = balancer.fastify.close()
    await eventually(() => balancer.registry.draining)
    const connections: (string | undefined)[] = []
    for (let i = 0; i < 3; i++) {
      await eventually(() => held.length > 0)
      held.shift()!()
      const response = await client.response()
      t.equal(statusOf(response), 200)
      connections.push(fieldValue(response.fields, 'connection'))
    }
    t.same(connections, ['keep-alive', 'keep-alive', 'close'])
    await client.untilClosed(8000)
    await closed
  })

  test(`the limit of requests counts those of every way (${mode})`, async (t) => {
    const backend = await scripted(t, answering(OK))
    const balancer = await startBalancer(t, [backend], { LB_LANE: mode, LB_MAX_REQUESTS_PER_SOCKET: '4' })
    const client = await RawClient.open(t, balancer.port)
    const chunked = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'
    const connections: (string | undefined)[] = []
    for (const bytes of [get('/'), get('/'), chunked, get('/')]) {
      client.send(bytes)
      connections.push(fieldValue((await client.response()).fields, 'connection'))
    }
    t.same(connections, ['keep-alive', 'keep-alive', 'keep-alive', 'close'])
    await client.untilClosed(8000)
  })
}
