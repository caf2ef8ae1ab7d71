import { eventually, test } from '../helper.js'
import { TOKEN } from '../support/api.js'
import { authority } from '../support/certificates.js'
import { EventListener } from '../support/event-stream.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { exchange } from '../support/raw-client.js'
import { startSecureBalancer } from '../support/secure-balancer.js'
import { fieldValue, statusOf } from '../support/wire.js'

const HSTS = 'max-age=600'

const get = (target: string, ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: lb.internal', ...fields, '', ''].join('\r\n')

for (const [place, env] of [
  ['with the rest', {}],
  ['on a port of its own', { LB_ADMIN_PORT: '0' }]
] as const)
  test(`the page and its stream by TLS, ${place}`, async (t) => {
    const by = authority(t)
    if (!by) return
    const balancer = await startSecureBalancer(t, by, 'a.example:80', { ...env, LB_HSTS: '600' })
    const port = balancer.adminPort
    // What is on a port of its own is plain.
    const isSecure = port === balancer.port
    const scheme = isSecure ? 'https' : 'http'
    const page = await exchange(t, port, get('/__lb/'))
    t.equal(statusOf(page), 200)
    t.equal(fieldValue(page.fields, 'strict-transport-security'), isSecure ? HSTS : undefined)
    const own = get('/__lb/events', `Origin: ${scheme}://lb.internal`, 'Sec-Fetch-Site: same-origin')
    const listener = await EventListener.open(t, port, own)
    if (isSecure) t.match(listener.head.toLowerCase(), `strict-transport-security: ${HSTS}`)
    t.match(await listener.event(2), { name: 'tick', data: { backends: [{ address: 'a.example:80' }] } })
    const other = isSecure ? 'http' : 'https'
    t.equal(statusOf(await exchange(t, port, get('/__lb/events', `Origin: ${other}://lb.internal`))), 404)
    const closing = balancer.fastify.close()
    await listener.client.untilClosed(3000)
    t.equal(listener.events.at(-1)!.name, 'end')
    await closing
  })

test('by HTTP/2 a stream of events is the same', async (t) => {
  const by = authority(t)
  if (!by) return
  const env = { LB_ADMIN_TOKEN: TOKEN }
  const { port, fastify } = await startSecureBalancer(t, by, 'a.example:80 b.example:80', env)
  const client = await Http2Client.open(t, port)
  const host = { ':authority': 'lb.internal' }
  const listening = (fields: object) => client.begin({ ':path': '/__lb/events', ...host, ...fields })
  const own = { origin: 'https://lb.internal', 'sec-fetch-site': 'same-origin' }
  let text = ''
  const stream = listening(own).on('data', (part) => {
    text += part
  })
  await eventually(() => text.includes('event: tick'), 5000)
  t.match(text, /^retry: 1000\n\nevent: all\ndata: \{/)
  const change = {
    ...host,
    ':method': 'PATCH',
    ':path': '/__lb/api/backends/a.example:80',
    'content-type': 'application/json',
    authorization: `Bearer ${TOKEN}`
  }
  for (const [fields, status] of [
    [own, 200],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'http://lb.internal' }, 403],
    [{ ...own, host: 'evil.example', origin: 'https://evil.example' }, 400]
  ] as const)
    t.equal(
      (await client.ask({ ...change, ...fields }, '{"weight":3}')).status,
      status,
      JSON.stringify(fields)
    )
  t.equal((await answerOn(listening({ origin: 'https://evil.example' }))).status, 404)
  const closing = fastify.close()
  await eventually(() => stream.closed, 3000)
  t.ok(text.endsWith('event: end\ndata: {}\n\n'))
  await closing
})
