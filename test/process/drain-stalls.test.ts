import { sleep, test } from '../helper.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const HALF_A_HEAD = 'GET / HTTP/1.1\r\nHost: x\r\nX-Ha'
const HALF_A_BODY = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab'

const logged = (child: Child, text: RegExp) => child.log.find(({ msg }) => text.test(msg))

test('requests that are cut before they came whole are failures too, and idle connections are none', async (t) => {
  for (const [sent, code, connections] of [
    [HALF_A_HEAD, 1, 1],
    ['PUT /__lb/api/backends HTTP/1.1\r\nHost: x\r\nContent-Le', 1, 1],
    ['', 0, 0],
    ['GET /__lb/live HTTP/1.1\r\nHost: x\r\n\r\n', 0, 0]
  ] as const) {
    const child = lb(t, ['-p', '0', '-b', '127.0.0.1:1', '--no-health-check', '--drain-timeout', '0.08'])
    const client = await RawClient.open(t, await child.listening())
    client.send(sent)
    await sleep(100)
    child.kill('SIGTERM')
    await client.untilClosed()
    t.equal(await child.untilEnded(), code, sent)
    t.match(logged(child, /^Drain timeout/), { cut: 0, connections })
  }
})

for (const [name, start] of [
  ['lb', lb],
  ['fastify start', fastifyStart]
] as const) {
  test(`${name}: clients that stall are answered, and the drain ends with the last of them`, async (t) => {
    const limits = { LB_REQUEST_HEAD_TIMEOUT: '1', LB_REQUEST_TIMEOUT: '1', LB_DRAIN_TIMEOUT: '20' }
    for (const stalls of [[HALF_A_HEAD], [HALF_A_HEAD, HALF_A_BODY]]) {
      const backend = await scripted(t, () => {})
      const env = { PORT: '0', LB_BACKENDS: backend.address, LB_NO_HEALTH_CHECK: 'true' }
      const child = start(t, [], { ...env, ...limits })
      const port = await child.listening()
      const clients = await Promise.all(stalls.map(() => RawClient.open(t, port)))
      for (const [i, sent] of stalls.entries()) clients[i]!.send(sent)
      await sleep(100)
      child.kill('SIGTERM')
      for (const client of clients) t.equal(statusOf(await client.response()), 408)
      t.equal(await child.untilEnded(), 0)
      t.notOk(logged(child, /^Drain timeout/))
    }
  })
}

test('requests on connections that nobody has accepted yet are answered', async (t) => {
  const backend = await scripted(t, answering(OK))
  const child = lb(t, ['-p', '0', '-b', backend.address, '--no-health-check'])
  const port = await child.listening()
  child.kill('SIGSTOP')
  const clients: RawClient[] = []
  for (let i = 0; i < 40; i++) {
    const client = await RawClient.open(t, port)
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    clients.push(client)
  }
  child.kill('SIGTERM')
  child.kill('SIGCONT')
  for (const client of clients) t.equal(statusOf(await client.response()), 200)
  t.equal(await child.untilEnded(), 0)
})
