import { eventually, startBalancer, test } from '../../helper.js'
import { call, WITH_TOKEN } from '../../support/api.js'
import { answering, OK, refusing, scripted } from '../../support/raw-backend.js'

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
