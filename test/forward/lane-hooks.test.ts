import { createLoadBalancer } from '../../index.js'
import { atEnd, eventually, test } from '../helper.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

for (const mode of ['auto', 'off'] as const) {
  test(`hooks learn of a client that leaves, and of ends in their order (${mode})`, async (t) => {
    const backend = await scripted(t, ({ startLine }, socket) => {
      if (!startLine.includes('/hang')) socket.write(OK)
    })
    const fastify = createLoadBalancer({ backends: backend.address, noHealthCheck: true, lane: mode })
    atEnd(t, () => fastify.close())
    const seen: string[] = []
    fastify.addHook('onRequest', async ({ raw }, reply) => {
      raw.on('close', () => seen.push(`request closed, ${raw.aborted}`))
      reply.raw.on('finish', () => seen.push('finished'))
      reply.raw.on('close', () => seen.push(`closed, ${reply.raw.destroyed}`))
    })
    fastify.addHook('onRequestAbort', async (_request) => void seen.push('aborted'))
    await fastify.listen({ host: '127.0.0.1', port: 0 })
    const { port } = fastify.server.address() as { port: number }

    const client = await RawClient.open(t, port)
    client.send(GET)
    await client.response()
    await eventually(() => seen.length === 3)
    t.same(seen, ['finished', 'closed, true', 'request closed, false'])

    seen.length = 0
    client.send(GET.replace('/', '/hang'))
    await eventually(() => backend.requests.length === 2)
    client.abort()
    await eventually(() => seen.length === 3)
    t.same(seen.sort(), ['aborted', 'closed, true', 'request closed, true'])
  })

  test(`a hook can end the connection of an upload (${mode})`, async (t) => {
    const backend = await scripted(t, answering(OK))
    const fastify = createLoadBalancer({ backends: backend.address, noHealthCheck: true, lane: mode })
    atEnd(t, () => fastify.close())
    fastify.addHook('onRequest', async ({ raw }, reply) => {
      reply.hijack()
      raw.destroy()
    })
    await fastify.listen({ host: '127.0.0.1', port: 0 })
    const client = await RawClient.open(t, (fastify.server.address() as { port: number }).port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe')
    await client.untilClosed()
    t.equal(`${client.received}`, '')
  })
}
