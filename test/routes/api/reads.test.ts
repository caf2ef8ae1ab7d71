import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { OPTION_NAMES } from '../../../lib/pool/spec/backend-options.js'
import { list, options, view } from '../../../routes/lb/api/schemas.js'
import { startBalancer, test } from '../../helper.js'
import { call } from '../../support/api.js'
import { answering, OK, scripted } from '../../support/raw-backend.js'
import { exchange } from '../../support/raw-client.js'
import { fieldValue, statusOf } from '../../support/wire.js'

const ajv = new Ajv({ allowUnionTypes: true })
addFormats.default(ajv)
const isList = ajv.compile(list)
const isView = ajv.compile(view)

const OPTIONS =
  'weight=3;max=9;backup;check=/x;check-host=h;check-port=99;check-status=200+204;check-period=0.5'

test('the list has the options, orders, state and counters of each backend', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, registry } = await startBalancer(
    t,
    `${backend.address} b.example:80;${OPTIONS} c.example:80;no-check`
  )
  registry.force(registry.backends[1]!, 'unhealthy', 'test')
  registry.setDraining(registry.backends[2]!, true, 'test')
  await fetch(`http://127.0.0.1:${port}/`)
  const { status, json, headers, etag } = await call(port, 'GET', '/backends')
  t.equal(status, 200)
  t.ok(isList(json), JSON.stringify(isList.errors))
  t.equal(etag, `"${json.version}"`)
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(json.backends, [
    {
      address: backend.address,
      state: 'healthy',
      total: 1,
      responses: { '2xx': 1 },
      options: {},
      orders: { draining: false, health: 'auto' }
    },
    {
      options: {
        weight: 3,
        max: 9,
        backup: true,
        check: '/x',
        'check-host': 'h',
        'check-port': 99,
        'check-status': '200+204',
        'check-period': 0.5
      },
      state: 'unhealthy',
      orders: { draining: false, health: 'unhealthy' }
    },
    { options: { 'no-check': true }, state: 'draining', orders: { draining: true, health: 'auto' } }
  ])
})

test('a backend is found by its address, however it is written', async (t) => {
  const long = `${Array.from({ length: 4 }, () => 'a'.repeat(60)).join('.')}.example:65535`
  const { port } = await startBalancer(t, `a.example:80 [2001:db8::7]:8080 ${long}`)
  for (const [path, address] of [
    ['a.example:80', 'a.example:80'],
    ['A.example:80', 'a.example:80'],
    ['a.example%3A80', 'a.example:80'],
    ['[2001:db8::7]:8080', '[2001:db8::7]:8080'],
    ['%5B2001%3adb8%3A%3A7%5d%3a8080', '[2001:db8::7]:8080'],
    [long, long]
  ] as const) {
    const { status, json, etag } = await call(port, 'GET', `/backends/${path}`)
    t.equal(status, 200, path)
    t.ok(isView(json), JSON.stringify(isView.errors))
    t.equal(json.address, address)
    t.match(etag, /^"[0-9a-f]+-0"$/)
  }
  for (const path of ['b.example:80', 'a.example', 'a.example:80x', ''])
    t.match(
      await call(port, 'GET', `/backends/${path}`),
      { status: 404, json: { code: 'LB_NO_SUCH_BACKEND' } },
      path
    )
  for (const path of ['a%2eexample:80', '%61.example:80', 'a.example:80%', 'a.example:80/', 'a.example:80/x'])
    t.match(
      await call(port, 'GET', `/backends/${path}`),
      { status: 404, json: { message: 'There is no such page', code: undefined } },
      `${path}: no page`
    )
})

test('without a token there is nothing that changes anything', async (t) => {
  const { port, registry } = await startBalancer(t, 'a.example:80 b.example:80')
  t.equal((await call(port, 'GET', '/backends')).status, 200)
  for (const [method, path, body] of [
    ['GET', '/token', undefined],
    ['POST', '/backends', { address: 'c:80' }],
    ['PUT', '/backends', [{ address: 'c:80' }]],
    ['PATCH', '/backends/a.example:80', { weight: 5 }],
    ['DELETE', '/backends/a.example:80', undefined],
    ['POST', '/backends/a.example:80/reset', undefined]
  ] as const) {
    const { status, json } = await call(port, method, path, { body })
    t.same([status, json.message], [404, 'There is no such page'], method)
  }
  t.same(
    registry.backends.map(({ address, weight }) => [address, weight]),
    [
      ['a.example:80', 1],
      ['b.example:80', 1]
    ]
  )
})

test('reads are for the addresses of LB_ADMIN_ALLOW; others get 404', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80', {
    LB_ADMIN_ALLOW: '10.0.0.0/8',
    LB_ADMIN_TOKEN: 'x'.repeat(16)
  })
  const shown = async (path: string, method = 'GET') => {
    const fields = ['Host: x', 'X-Forwarded-For: 10.1.2.3', `Authorization: Bearer ${'x'.repeat(16)}`]
    const message = await exchange(t, port, `${method} ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`)
    return [message.startLine, fieldValue(message.fields, 'content-type'), message.body.toString()]
  }
  const nothing = await shown('/__lb/nosuch')
  for (const path of ['backends', 'backends/a.example:80', 'openapi.json', '', 'nosuch'])
    t.same(await shown(`/__lb/api/${path}`), nothing, path)
  t.same(await shown('/__lb/api/backends/a.example:80', 'DELETE'), nothing)
})

test('HEAD is GET without the body', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  const message = await exchange(t, port, 'HEAD /__lb/api/backends HTTP/1.1\r\nHost: x\r\n\r\n', {
    head: true
  })
  t.equal(statusOf(message), 200)
  t.ok(fieldValue(message.fields, 'etag'))
})

test('the schema has the options of LB_BACKENDS, all of them', async (t) => {
  t.same(Object.keys(options), OPTION_NAMES)
})
