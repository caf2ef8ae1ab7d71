import { once } from 'node:events'
import { type startBalancer, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { command, needs } from '../support/command.js'
import { Http2Client } from '../support/http2-client.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { startSecureBalancer } from '../support/secure-balancer.js'
import { securePorts } from '../support/secure-ports.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** What is agreed on with a client that offers these. */
async function agreed(t: Parameters<typeof startBalancer>[0], port: number, protocols: string[]) {
  const client = await RawClient.open(t, port, { ...securePorts.get(port), ALPNProtocols: protocols })
  return { client, protocol: (client.socket as unknown as { alpnProtocol: string | false }).alpnProtocol }
}

test('the version is agreed on in the handshake, and HTTP/2 goes first', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await scripted(t, answering(OK))
  const { port } = await startSecureBalancer(t, by, [backend])
  t.equal((await agreed(t, port, ['http/1.1', 'h2'])).protocol, 'h2')
  const { protocol, client } = await agreed(t, port, ['http/1.1'])
  t.equal(protocol, 'http/1.1')
  client.send(GET)
  t.equal(statusOf(await client.response()), 200)
  const old = await RawClient.open(t, port)
  old.send(GET)
  t.equal(statusOf(await old.response()), 200, 'who names none speaks HTTP/1.1')

  const { port: oldPort } = await startSecureBalancer(t, by, [backend], { LB_NO_HTTP2: 'true' })
  t.equal((await agreed(t, oldPort, ['h2', 'http/1.1'])).protocol, 'http/1.1')
})

test('requests over TLS say so, and the promise to use nothing else goes along', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await startSecureBalancer(t, by, [backend], { LB_HSTS: '60' })
  const client = await Http2Client.open(t, port)
  t.match(await client.get('/'), { status: 200, headers: { 'strict-transport-security': 'max-age=60' } })
  t.match(Object.fromEntries(backend.requests[0]!.fields), {
    'X-Forwarded-Proto': 'https',
    Via: '2.0 fairlead'
  })
  t.match(await client.ask({ ':path': '/__lb/stats', ':authority': 'localhost' }), {
    status: 200,
    headers: { 'strict-transport-security': 'max-age=60' }
  })
  t.match(await client.ask({ ':path': '/', host: 'b.test' }), {
    status: 400,
    headers: { 'strict-transport-security': 'max-age=60' }
  })
  t.equal(stats().connections.open, 1)
  const many = await Promise.all(Array.from({ length: 200 }, (_, index) => client.get(`/${index}`)))
  t.ok(many.every(({ status }) => status === 200))
  const closed = once(client.session, 'close')
  client.session.close()
  await closed
})

test('curl speaks HTTP/2 with it', async (t) => {
  const by = authority(t)
  if (!by || !needs(t, 'curl')) return
  const backend = await scripted(t, answering(OK))
  const { port } = await startSecureBalancer(t, by, [backend])
  const args = ['-sS', '--http2', '--cacert', by.file, '-w', ' %{http_version} %{http_code}']
  const url = `https://localhost:${port}/`
  const { stdout } = await command(t, 'curl', [...args, '--resolve', `localhost:${port}:127.0.0.1`, url])
  t.equal(`${stdout}`, 'ok 2 200')
})
