import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { OPTION_NAMES } from '../../../lib/pool/spec/backend-options.js'
import { list, options, view } from '../../../routes/lb/api/schemas.js'
import { eventually, startBalancer, test } from '../../helper.js'
import { call, WITH_TOKEN } from '../../support/api.js'
import { answering, OK, refusing, scripted } from '../../support/raw-backend.js'
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

const A = 'a.example:80'
const B = 'b.example:80'

test('a backend is added, gets requests, changes and leaves', async (t) => {
  const [first, second] = [await refusing(t), await scripted(t, answering(OK))]
  const { port, registry, log } = await startBalancer(t, [first], WITH_TOKEN)
  const added = await call(port, 'POST', '/backends', {
    body: { address: `http://${second.address}`, weight: 2 }
  })
  t.match(added, { status: 201, json: { id: 1, address: second.address, options: { weight: 2 } } })
  t.equal(added.headers.get('location'), `/__lb/api/backends/${second.address}`)
  t.equal((await call(port, 'GET', '/backends')).etag, added.etag)
  t.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200)

  const path = `/backends/${second.address}`
  const changed = await call(port, 'PATCH', path, { body: { weight: 7, max: 3, draining: true } })
  t.match(changed, {
    status: 200,
    json: { weight: 7, max: 3, state: 'draining', options: { weight: 7, max: 3 }, orders: { draining: true } }
  })
  t.not(changed.etag, added.etag)
  t.match(await call(port, 'PATCH', path, { body: { max: null, draining: false, health: 'unhealthy' } }), {
    status: 200,
    json: {
      max: 0,
      options: { weight: 7, max: undefined },
      state: 'unhealthy',
      orders: { health: 'unhealthy' }
    }
  })
  t.match(await call(port, 'PATCH', path, { body: { health: 'auto' } }), {
    json: { orders: { health: 'auto' } }
  })
  registry.setEjected(registry.backends[1]!, true, 'test')
  t.match(await call(port, 'POST', `${path}/reset`), { status: 200, json: { address: second.address } })

  const removed = await call(port, 'DELETE', path)
  t.same([removed.status, removed.json], [204, undefined])
  t.equal((await call(port, 'GET', '/backends')).etag, removed.etag)
  t.equal((await call(port, 'GET', path)).status, 404)
  t.ok(
    log.find(({ msg, client }) => msg === `DELETE /__lb/api${path} by 127.0.0.1` && client === '127.0.0.1')
  )
})

test('a reset ends an ejection', async (t) => {
  const broken = await scripted(t, answering('HTTP/1.1 500 S\r\nContent-Length: 0\r\n\r\n'))
  const good = await scripted(t, answering(OK))
  const { port, registry } = await startBalancer(t, [broken, good], WITH_TOKEN)
  await eventually(async () => {
    await fetch(`http://127.0.0.1:${port}/`)
    return registry.backends[0]!.ejected
  })
  t.match(await call(port, 'POST', `/backends/${broken.address}/reset`), {
    status: 200,
    json: { state: 'healthy' }
  })
  t.notOk(registry.backends[0]!.ejected)
})

test('a list is replaced completely or not at all', async (t) => {
  const { port, registry } = await startBalancer(t, `${A} ${B};weight=2`, WITH_TOKEN)
  const [a] = registry.backends
  const before = await call(port, 'GET', '/backends')
  for (const [body, what] of [
    [[{ address: 'c.example:80' }, { address: 'c.example:80' }], /listed twice/],
    [[{ address: 'c.example:80' }, { address: 'd' }], /write host:port/],
    [[{ address: 'c.example:80', check: '/', 'no-check': true }], /no-check leaves nothing/],
    [[{ address: 'c.example:80' }, { address: 'd.example:80', weight: 257 }], /weight must be <= 256/],
    [[], /must NOT have fewer than 1 items/],
    [{ address: A }, /must be array/]
  ] as const)
    t.match(
      await call(port, 'PUT', '/backends', { body }),
      { status: 400, json: { message: what } },
      `${what}`
    )
  t.equal((await call(port, 'GET', '/backends')).etag, before.etag, 'nothing has changed')
  const replaced = await call(port, 'PUT', '/backends', {
    body: [{ address: 'c.example:80' }, { address: A, weight: 4 }]
  })
  t.match(replaced, {
    status: 200,
    json: { added: ['c.example:80'], removed: [B], reconfigured: [A] }
  })
  t.equal(replaced.etag, `"${replaced.json.version}"`)
  t.equal(registry.backendAt(A), a)
})

test('an invalid option is rejected by its name, and nothing changes', async (t) => {
  const { port, registry } = await startBalancer(t, `${A} ${B}`, WITH_TOKEN)
  const before = await call(port, 'GET', '/backends')
  for (const [method, path, body, status, code, message] of [
    ['POST', '/backends', { address: A }, 409, 'LB_BACKEND_EXISTS', /already/],
    ['POST', '/backends', { address: 'c' }, 400, 'LB_WRONG_BACKEND', /"c": is not a backend address/],
    ['POST', '/backends', { address: 'http://me:secret@c' }, 400, 'LB_WRONG_BACKEND', /"http:\/\/\*\*\*@c"/],
    ['POST', '/backends', { weight: 2 }, 400, 'FST_ERR_VALIDATION', /address/],
    ['POST', '/backends', { address: 5 }, 400, 'FST_ERR_VALIDATION', /address must be string/],
    [
      'POST',
      '/backends',
      { address: 'c:80', wieght: 2 },
      400,
      'FST_ERR_VALIDATION',
      /must not have "wieght"/
    ],
    ['POST', '/backends', '{"address":"c:80","__proto__":{"x":1}}', 400, 'FST_ERR_VALIDATION', /"__proto__"/],
    [
      'POST',
      '/backends',
      { address: 'c:80', weight: '2' },
      400,
      'FST_ERR_VALIDATION',
      /weight must be integer/
    ],
    ['POST', '/backends', { address: 'c:80', draining: true }, 400, 'FST_ERR_VALIDATION', /"draining"/],
    ['POST', '/backends', [], 400, 'FST_ERR_VALIDATION', /object/],
    ['PATCH', `/backends/${A}`, {}, 400, 'FST_ERR_VALIDATION', /fewer than 1/],
    ['PATCH', `/backends/${A}`, { address: 'c:80' }, 400, 'FST_ERR_VALIDATION', /must not have "address"/],
    ['PATCH', `/backends/${A}`, { health: 'ill' }, 400, 'FST_ERR_VALIDATION', /health/],
    ['PATCH', `/backends/${A}`, { draining: 'yes' }, 400, 'FST_ERR_VALIDATION', /draining must be boolean/],
    ['PATCH', `/backends/${A}`, { weight: 0 }, 400, 'FST_ERR_VALIDATION', /weight must be >= 1/],
    [
      'PATCH',
      `/backends/${A}`,
      { check: 'x', draining: true },
      400,
      'LB_WRONG_BACKEND',
      /check must be a path/
    ],
    ['PATCH', '/backends/c:80', { weight: 2 }, 404, 'LB_NO_SUCH_BACKEND', /./],
    ['DELETE', '/backends/c:80', undefined, 404, 'LB_NO_SUCH_BACKEND', /./],
    ['POST', '/backends/c:80/reset', undefined, 404, 'LB_NO_SUCH_BACKEND', /./]
  ] as const) {
    const { json, ...answer } = await call(port, method, path, { body })
    t.equal(answer.status, status, JSON.stringify(body))
    t.match(
      json,
      { statusCode: status, code, error: /./, message },
      `${method} ${path} ${JSON.stringify(body)}`
    )
  }
  t.equal((await call(port, 'GET', '/backends')).etag, before.etag)
  t.notOk(registry.backends.some(({ draining }) => draining))
  t.equal((await call(port, 'DELETE', `/backends/${B}`)).status, 204)
  t.match(await call(port, 'DELETE', `/backends/${A}`), { status: 409, json: { code: 'LB_LAST_BACKEND' } })
})

test('of two concurrent changes the second is rejected', async (t) => {
  const { port, registry } = await startBalancer(t, `${A} ${B}`, WITH_TOKEN)
  const { etag } = await call(port, 'GET', '/backends')
  const ifMatch = (tag: string) => ({ headers: { 'If-Match': tag } })
  const racers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      call(port, 'PATCH', `/backends/${A}`, { body: { weight: i + 2 }, ...ifMatch(etag) })
    )
  )
  const won = racers.filter(({ status }) => status === 200)
  t.equal(won.length, 1)
  t.equal(registry.backendAt(A)!.weight, won[0]!.json.weight)
  for (const { status, json } of racers)
    if (status !== 200) t.match([status, json], [412, { statusCode: 412, code: 'LB_VERSION_CHANGED' }])

  const attempts = [
    ['POST', '/backends', { address: 'c:80' }],
    ['PUT', '/backends', [{ address: 'c:80' }]],
    ['PATCH', `/backends/${A}`, { draining: true }],
    ['DELETE', `/backends/${A}`, undefined],
    ['POST', `/backends/${A}/reset`, undefined]
  ] as const
  for (const [method, path, body] of attempts)
    for (const tag of [etag, `W/${won[0]!.etag}`, 'x', `"${'0'.repeat(8)}-1"`])
      t.equal((await call(port, method, path, { body, ...ifMatch(tag) })).status, 412, `${method} for ${tag}`)
  t.equal((await call(port, 'GET', '/backends')).etag, won[0]!.etag, 'nothing has changed')

  let current = won[0]!.etag
  for (const [method, path, body] of [attempts[0], attempts[2], attempts[4], attempts[3]]) {
    const answer = await call(port, method, path, { body, ...ifMatch(`"other", ${current}`) })
    t.ok(answer.status < 300, `${method}: ${answer.status}`)
    current = answer.etag
  }
  t.equal((await call(port, 'PUT', '/backends', { body: [{ address: A }], ...ifMatch('*') })).status, 200)
})
