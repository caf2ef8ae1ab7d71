import { type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { authority, contents } from '../support/certificates.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { type AnnouncedRequest, announced } from '../support/proxy-protocol-backend.js'
import { agentOf, ask, checkAnnounced, withOptions } from '../support/proxy-protocol-client.js'
import { seededRandom } from '../support/random.js'
import { BEFORE_IDLE_MS } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { startSecureBalancer } from '../support/secure-balancer.js'
import { upgrade } from '../support/tunnel.js'
import { statusOf } from '../support/wire.js'

// Proxy to backends

const get = (path = '/', ...fields: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')
const TRUSTED = { LB_TRUSTED_PROXIES: '127.0.0.1' }

// Certificates take their time.
for (const version of [1, 2] as const)
  for (const h2 of [false, true])
    for (const isSecure of h2 === (version === 2) ? [false, true] : [false]) {
      const how = `version ${version}, HTTP/${h2 ? 2 : 1.1}${isSecure ? ' over TLS' : ''}`
      test(`each connection is told whose it is, and is of nobody else: ${how}`, async (t) => {
        const by = isSecure ? authority(t) : undefined
        if (isSecure && !by) return
        const tls = by ? { tls: by.issue('localhost') } : {}
        const backend = await announced(t, undefined, { h2, ...tls })
        const options = `;proxy=v${version}${h2 ? ';h2' : ''}${isSecure ? ';tls-name=localhost' : ''}`
        const env: Record<string, string> = by ? { LB_BACKEND_CA: by.file } : {}
        const { port } = await startBalancer(
          t,
          withOptions(backend, options, isSecure ? 'https://' : ''),
          env
        )
        const agents = ['127.0.0.1', '127.0.0.2', '127.0.0.1'].map((address) => ({
          address,
          agent: agentOf(t)
        }))
        for (let i = 0; i < 3; i++)
          for (const { address, agent } of agents) t.equal(await ask(port, agent, {}, '/', address), 200)
        t.equal(backend.requests.length, 9)
        checkAnnounced(t, backend)
        t.equal(backend.connections, 3, 'which are used again by the same client')
        const ports = new Set(backend.headers.map(({ source }) => source!.port))
        t.equal(ports.size, 3, 'with the ports of their own')
        for (const { header, ...asked } of backend.requests) {
          t.equal(asked.version, version)
          t.match(header.source, { localAddress: '127.0.0.1', localPort: port })
          if (version === 2) t.equal(header.alpn, h2 ? 'h2' : 'http/1.1')
        }
        agents[0]!.agent.destroy()
        await eventually(() => backend.sockets.size === 2, BEFORE_IDLE_MS)
        t.equal(await ask(port, agents[1]!.agent, {}, '/', '127.0.0.2'), 200, 'the others stay')
        t.equal(backend.connections, 3)
      })
    }

test('a tunnel goes by a connection of its client, and so does what comes after', async (t) => {
  const backend = await announced(t, undefined, {
    onUpgrade: ({ header, socket }) =>
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nfor ${header.source!.address}`
      )
  })
  for (const options of [';proxy=v1', ';proxy=v2']) {
    const { port } = await startBalancer(t, withOptions(backend, options), TRUSTED)
    for (const address of ['203.0.113.1', '203.0.113.2']) {
      const client = await RawClient.open(t, port)
      client.send(get('/', 'X-Forwarded-For: 203.0.113.9'))
      t.equal(statusOf(await client.response()), 200)
      client.send(upgrade('/', `X-Forwarded-For: ${address}`))
      t.equal(statusOf(await client.response()), 101)
      await client.until((text) => text === `for ${address}`)
      client.socket.destroy()
    }
    await eventually(() => backend.sockets.size === 0, BEFORE_IDLE_MS)
  }
  checkAnnounced(t, backend)
})

test('what a proxy in front has told goes on', async (t) => {
  const backend = await announced(t)
  const balancer = await startBalancer(t, withOptions(backend, ';proxy=v2'), {
    ...TRUSTED,
    LB_PROXY_PROTOCOL: 'true'
  })
  const { port } = balancer
  const tlv = (type: number, value: string) => `${String.fromCharCode(type, 0, value.length)}${value}`
  const ssl = tlv(
    0x20,
    `\x07\0\0\0\0${tlv(0x21, 'TLSv1.3')}${tlv(0x22, 'me')}${tlv(0x23, 'C')}${tlv(0x24, 'S')}${tlv(0x25, 'K')}`
  )
  const block = `\xcb\0\x71\x09\x0a\0\0\x01\xc0\x01\x01\xbb${tlv(1, 'h2')}${tlv(2, 'app.example')}${tlv(5, 'id\xff')}${ssl}`
  const client = await RawClient.open(t, port)
  client.send(`\r\n\r\n\0\r\nQUIT\n\x21\x11\0${String.fromCharCode(block.length)}${block}${get()}`)
  t.equal(statusOf(await client.response()), 200)
  const { length: _, ...header } = backend.headers[0]!
  t.same(header, {
    source: { address: '203.0.113.9', port: 0xc001, localAddress: '10.0.0.1', localPort: 443 },
    tls: { version: 'TLSv1.3', clientName: 'me', cipher: 'C', signatureAlgorithm: 'S', keyAlgorithm: 'K' },
    alpn: 'http/1.1',
    authority: 'app.example',
    uniqueId: 'id\xff'
  })
  for (const [sent, isKnown] of [
    ['PROXY UNKNOWN\r\n', false],
    ['PROXY TCP6 2001:db8::9 ::1 1 2\r\n', true]
  ] as const) {
    const other = await RawClient.open(t, port)
    other.send(sent + get())
    t.equal(statusOf(await other.response()), 200)
    const { source, isLocal } = backend.headers.at(-1)!
    t.same([source?.address, isLocal], [isKnown ? '2001:db8::9' : undefined, undefined])
  }
  // At the end of a test it is asked whether it is well, which goes without a header.
  await eventually(() => balancer.stats().requests.inFlight === 0)
  await balancer.fastify.close()
})

test('checks are the balancer’s own connections', async (t) => {
  for (const version of [1, 2] as const)
    for (const h2 of [false, true]) {
      const backend = await announced(t, undefined, { h2 })
      const options = `;proxy=v${version}${h2 ? ';h2' : ''}`
      const balancer = await startBalancer(t, withOptions(backend, options), {
        LB_NO_HEALTH_CHECK: 'false',
        LB_HEALTH_CHECK_PERIOD: '0.2'
      })
      await eventually(() => backend.requests.length >= 2 && balancer.registry.eligibleCount === 1)
      for (const { header, ...asked } of backend.requests) {
        t.equal(asked.version, version)
        t.equal(header.source, undefined)
        t.equal(header.isLocal, version === 2 ? true : undefined)
      }
      t.same(backend.refused, [])
      await balancer.fastify.close()
    }
})

test('it can be changed while it runs, and connections are made anew', async (t) => {
  const backend = await announced(t)
  const balancer: Balancer = await startBalancer(t, withOptions(backend, ';proxy=v1'), WITH_TOKEN)
  const { port } = balancer
  const agent = agentOf(t)
  const versions: number[] = []
  for (const proxy of ['v1', 'v2', 'v1']) {
    const { status, json } = await call(port, 'PATCH', `/backends/${backend.address}`, { body: { proxy } })
    t.equal(status, 200)
    t.match(JSON.stringify(json), `"proxy":"${proxy}"`)
    t.equal(await ask(port, agent), 200)
    versions.push(backend.requests.at(-1)!.version)
  }
  t.same(versions, [1, 2, 1])
  const wrong = await call(port, 'PATCH', `/backends/${backend.address}`, { body: { proxy: 'v3' } })
  t.equal(wrong.status, 400)
  t.match(JSON.stringify(wrong.json), 'proxy must be v1 or v2')
  await eventually(() => backend.sockets.size === 1)
  checkAnnounced(t, backend)
  const gone = await call(port, 'PATCH', `/backends/${backend.address}`, { body: { proxy: null } })
  t.equal(gone.status, 200)
  t.notMatch(JSON.stringify(gone.json), 'proxy')
  t.equal(await ask(port, agent), 502)
  t.same(backend.refused, ['is missing'])
})

test('a client of HTTP/2 has many requests at once by a connection of its own', async (t) => {
  const backend = await announced(t, ({ res }) => void setTimeout(() => res.end('ok'), 20), { h2: true })
  const { port } = await startBalancer(t, withOptions(backend, ';proxy=v2;h2'), { LB_H2C: 'true' })
  const clients = await Promise.all([1, 2].map(() => Http2Client.open(t, port)))
  const answers = await Promise.all(
    clients.flatMap((client) => Array.from({ length: 20 }, () => answerOn(client.begin({ ':path': '/' }))))
  )
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(backend.connections, 2)
  checkAnnounced(t, backend)
})

test('backends are told of the TLS that clients speak here', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await announced(t)
  const own = contents(by.issue('client.example'))
  const env = { LB_TLS_CLIENT_CA: by.file }
  const { port } = await startSecureBalancer(t, by, withOptions(backend, ';proxy=v2'), env, own)
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const client = await RawClient.open(t, port, { ca: by.pem, servername: 'localhost', ...own, maxVersion })
    client.send(get('/', 'X-SSL-Client-CN: forged'))
    t.equal(statusOf(await client.response()), 200)
    const { header, req } = backend.requests.pop()!
    t.equal(req.headers['x-ssl-client-cn'], 'client.example')
    t.equal(header.authority, 'localhost')
    const { version, clientName, cipher } = header.tls!
    t.same([version, clientName], [maxVersion, 'client.example'])
    t.match(cipher, /AES|CHACHA/)
    client.socket.destroy()
  }
})

// Proxy sharing

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
    await eventually(() => backend.sockets.size === 0, BEFORE_IDLE_MS)
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
