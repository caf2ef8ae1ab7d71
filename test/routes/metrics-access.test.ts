import { startBalancer, test } from '../helper.js'
import { readExposition } from '../support/metrics.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const request = (target: string, method = 'GET', ...fields: string[]) =>
  [`${method} ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

/** The ways in which a client may say that it is another. */
const SPOOFED = [
  'X-Forwarded-For: 10.1.2.3',
  'Forwarded: for=10.1.2.3',
  'X-Real-IP: 10.1.2.3',
  'X-Forwarded-Host: 10.1.2.3'
]

test('metrics are in the text format of Prometheus, and HEAD is GET without them', async (t) => {
  const { port } = await startBalancer(t, [await scripted(t, answering(OK))])
  const client = await RawClient.open(t, port)
  for (const method of ['GET', 'HEAD']) {
    client.send(request('/__lb/metrics?x=%zz', method))
    const { startLine, fields, body } = await client.response({ head: method === 'HEAD' })
    t.equal(startLine, 'HTTP/1.1 200 OK')
    t.equal(fieldValue(fields, 'content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    t.equal(fieldValue(fields, 'cache-control'), 'no-store')
    t.ok(Number(fieldValue(fields, 'content-length')) > 1000)
    if (method === 'GET') t.equal(readExposition(body.toString()).sum('fairlead_client_connections'), 1)
  }
  t.equal(client.received.length, 0)
})

test('metrics are for allowed addresses; others get 404, however they ask', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], {
    LB_ADMIN_ALLOW: '10.0.0.0/8 ::1',
    LB_TRUSTED_PROXIES: '127.0.0.0/8'
  })
  const client = await RawClient.open(t, port)
  const shown = async (target: string, method: string, fields: readonly string[] = []) => {
    client.send(request(target, method, ...fields))
    const response = await client.response({ head: method === 'HEAD' })
    return [
      response.startLine,
      response.fields.filter(([name]) => name !== 'Date' && name !== 'date'),
      response.body
    ]
  }
  for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
    const none = await shown('/__lb/nosuch', method)
    t.equal(none[0], 'HTTP/1.1 404 Not Found')
    for (const target of [
      '/__lb/metrics',
      '/__lb/metrics?x',
      '/__lb/metrics/',
      '/__lb/%6detrics',
      '/__lb/METRICS'
    ])
      t.same(await shown(target, method), none, `${method} ${target}`)
    t.same(await shown('/__lb/metrics', method, SPOOFED), none, `${method}, spoofed`)
  }
  t.equal(backend.requests.length, 0)
})

test('metrics are at their exact path only', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const target of [
    '/__lb/metrics/',
    '/__lb/%6detrics',
    '/__lb//metrics',
    '/__lb/x/../metrics',
    '/__lb/metrics%3f'
  ])
    t.equal(statusOf(await exchange(t, port, request(target))), 404, target)
  t.equal(statusOf(await exchange(t, port, request('/__lb/metrics', 'POST'))), 404, 'POST')
  t.equal(backend.requests.length, 0)
  for (const target of ['/__lb%2fmetrics', '/metrics', '//__lb/metrics', 'http://x/__lb/metrics'])
    t.equal((await exchange(t, port, request(target))).body.toString(), 'ok', `${target} is the backend’s`)
})
