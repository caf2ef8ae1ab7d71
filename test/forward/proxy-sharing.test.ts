import { eventually, sleep, startBalancer, test } from '../helper.js'
import { Http2Client } from '../support/http2-client.js'
import { type AnnouncedRequest, announced } from '../support/proxy-protocol-backend.js'
import { agentOf, ask, checkAnnounced, withOptions } from '../support/proxy-protocol-client.js'
import { seededRandom } from '../support/random.js'

const TRUSTED = { LB_TRUSTED_PROXIES: '127.0.0.1' }

test('clients that a trusted proxy tells of over one connection do not share one', async (t) => {
  for (const h2 of [false, true]) {
    const backend = await announced(t, ({ res }) => void setTimeout(() => res.end('ok'), 3), { h2 })
    const options = `;proxy=v2${h2 ? ';h2' : ''}`
    const { port } = await startBalancer(t, withOptions(backend, options), { ...TRUSTED, LB_H2C: 'true' })
    const agent = agentOf(t)
    const from = (address: string) => ({ 'X-Forwarded-For': address })
    for (const address of ['203.0.113.1', '203.0.113.2', '203.0.113.1', '2001:db8::1', '203.0.113.1'])
      t.equal(await ask(port, agent, from(address)), 200)
    t.equal(await ask(port, agent, from('6.6.6.6, 203.0.113.1')), 200, 'what it says itself does not count')
    const last = backend.requests.pop()!
    t.equal(last.header.source!.address, '203.0.113.1')
    // At once over one connection.
    const client = await Http2Client.open(t, port)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        client.ask({ ':path': `/${i}`, 'x-forwarded-for': `203.0.113.${i % 7}` })
      )
    )
    t.ok(answers.every(({ status }) => status === 200))
    checkAnnounced(t, backend)
    t.ok(
      backend.requests.every(({ header }) => header.source!.port === 0),
      'nobody knows their ports'
    )
    client.session.close()
    agent.destroy()
    await eventually(() => backend.sockets.size === 0)
  }
})

test('whatever happens, no request goes by the connection of another client', async (t) => {
  const random = seededRandom(7)
  const chance = (share: number) => random() < share
  const unkind = ({ req, res, socket }: AnnouncedRequest) => {
    const luck = random()
    if (luck < 0.1) socket.destroy()
    else if (luck < 0.2) res.writeHead(503).end()
    else if (luck < 0.3) res.writeHead(200, { Connection: 'close' }).end('ok')
    else if (luck < 0.5) setTimeout(() => res.end('ok'), random() * 60)
    else req.resume().on('end', () => res.end('ok'))
  }
  const backends = [await announced(t, unkind), await announced(t, unkind), await announced(t, unkind)]
  const { port } = await startBalancer(
    t,
    backends.map((backend) => withOptions(backend, ';proxy=v2')).join(' '),
    {
      ...TRUSTED,
      LB_H2C: 'true',
      LB_HEDGE: 'true',
      LB_RETRIES: '3',
      LB_RETRY_STATUS: '503',
      LB_NO_EJECTION: 'true',
      LB_RETRY_BUDGET: '100'
    }
  )
  const one = async (i: number) => {
    const client = i % 3 === 0 ? await Http2Client.open(t, port) : undefined
    const agent = agentOf(t)
    for (let n = 0; n < 15; n++) {
      const address = chance(0.5) ? `198.51.100.${i}` : `203.0.113.${Math.floor(random() * 5)}`
      if (client) {
        const asked = [address, `198.51.100.${i}`].map((from) =>
          client.ask({ ':path': `/${i}-${n}`, 'x-forwarded-for': from }).catch(() => {})
        )
        if (chance(0.2)) await Promise.race([...asked, sleep(5)])
        else await Promise.all(asked)
      } else await ask(port, agent, { 'X-Forwarded-For': address }, `/${i}-${n}`)
      if (chance(0.1)) agent.destroy()
    }
    client?.session.destroy()
    agent.destroy()
  }
  await Promise.all(Array.from({ length: 10 }, (_, i) => one(i)))
  for (const backend of backends) {
    t.ok(backend.requests.length > 50)
    checkAnnounced(t, backend)
  }
  await eventually(() => backends.every(({ sockets }) => sockets.size === 0), 5000)
})
