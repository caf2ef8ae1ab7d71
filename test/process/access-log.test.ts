import { test } from '../helper.js'
import { fastifyStart, lb } from '../support/child.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'

const REQUESTS = 200

for (const [name, start] of Object.entries({ lb, 'fastify start app': fastifyStart }))
  test(`${name} prints a line for each request, to the last, among those of its own log`, async (t) => {
    const backend = await scripted(t, answering(OK))
    const child = start(t, [], { PORT: '0', LB_BACKENDS: backend.address, LB_ACCESS_LOG: 'all' })
    const port = await child.listening()
    for (let i = 0; i < REQUESTS; i++) await exchange(t, port, `GET /${i} HTTP/1.1\r\nHost: x\r\n\r\n`)
    child.kill('SIGTERM')
    t.equal(await child.untilEnded(), 0)
    const requests = child.log.filter(({ msg }) => msg === 'request')
    t.same(
      requests.map(({ target }) => target),
      Array.from({ length: REQUESTS }, (_, i) => `/${i}`)
    )
    t.ok(child.log.some(({ msg }) => msg.startsWith('Drained')))
  })
