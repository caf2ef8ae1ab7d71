import { renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { eventually, startBalancer, startRoutes, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
/** A file is looked at each second. */
const NOTICED_MS = 10_000

/** A file of backends, and what replaces it in one step. */
function fileOf(t: Test, entries: readonly unknown[]) {
  const file = path.join(t.testdir(), 'backends.json')
  const write = (next: readonly unknown[]) => {
    writeFileSync(`${file}.new`, JSON.stringify(next))
    renameSync(`${file}.new`, file)
  }
  write(entries)
  return { source: `file://${file}`, write }
}

test('backends come from a file beside the list, and those that it no longer has leave', async (t) => {
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => scripted(t, answering(OK))))
  const { source, write } = fileOf(t, [{ address: b!.address, weight: 4 }])
  const { port, registry, stats, log } = await startBalancer(t, `${a!.address} ${source};max=7`, {
    LB_NO_HEALTH_CHECK: 'false'
  })
  const shown = () => registry.backends.map(({ address, weight, config }) => [address, weight, config.max])
  t.same(shown(), [
    [a!.address, 1, 0],
    [b!.address, 4, 7]
  ])
  t.equal(registry.eligibleCount, 2, 'they were checked before the start')
  write([c!.address])
  await eventually(() => registry.backendAt(b!.address) === undefined, NOTICED_MS)
  await eventually(() => registry.backendAt(c!.address)?.eligible)
  for (let i = 0; i < 4; i++) t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.match(stats().pools[0]?.sources, [{ source, members: 1, toldAt: String, failure: null }])
  write([c!.address, 'nonsense'])
  await eventually(() => stats().pools[0]!.sources[0]!.failure !== null, NOTICED_MS)
  t.match(stats().pools[0]?.sources, [
    { members: 1, failure: { reason: /"nonsense": is not a backend address/ } }
  ])
  t.same(
    shown().map(([address]) => address),
    [a!.address, c!.address]
  )
  t.ok(log.some(({ msg }) => msg === `${source}: 1 join, 1 leave, 0 are set up anew`))
})

test('an operator gives orders to backends that a source tells of, and neither removes nor lists them', async (t) => {
  const [a, b] = await Promise.all([1, 2].map(() => scripted(t, answering(OK))))
  const { source } = fileOf(t, [b!.address])
  const { port, registry } = await startBalancer(t, `${a!.address} ${source}`, WITH_TOKEN)
  const at = `/backends/${b!.address}`
  const { etag } = await call(port, 'GET', '/backends')
  t.match(await call(port, 'DELETE', at), { status: 409, json: { code: 'LB_DISCOVERED_BACKEND' } })
  t.match(await call(port, 'POST', '/backends', { body: { address: b!.address } }), { status: 409 })
  t.match(await call(port, 'PATCH', at, { body: { check: '/x' } }), {
    status: 409,
    json: { code: 'LB_DISCOVERED_BACKEND', message: /comes from file:/ }
  })
  t.match(await call(port, 'PATCH', at, { body: { weight: 300 } }), { status: 400 })
  t.equal((await call(port, 'GET', '/backends')).etag, etag, 'nothing has changed')
  const patched = await call(port, 'PATCH', at, { body: { weight: 9, draining: true } })
  t.match(patched, { status: 200, json: { weight: 9, state: 'draining', orders: { draining: true } } })
  t.match(await call(port, 'PUT', '/backends', { body: [{ address: a!.address, weight: 2 }] }), {
    status: 200
  })
  t.match(registry.backendAt(b!.address), { weight: 9, draining: true })
  t.match(await call(port, 'PATCH', at, { body: { weight: null, draining: false } }), {
    status: 200,
    json: { weight: 1, state: 'healthy' }
  })
  t.match(await call(port, 'DELETE', `/backends/${a!.address}`), { status: 204 }, 'the list may become empty')
  t.equal(statusOf(await exchange(t, port, GET)), 200)
})

test('a reload replaces the sources of a pool, and a pool with other settings keeps them', async (t) => {
  const [a, b] = await Promise.all([1, 2].map(() => scripted(t, answering(OK))))
  const first = fileOf(t, [a!.address])
  const configured = (web: object) => ({ pools: { web }, routes: [{ pool: 'web' }] })
  const balancer = await startRoutes(t, configured({ backends: first.source }))
  const pool = () => balancer.pools()[0]!
  const addresses = () => pool().registry.backends.map(({ address }) => address)
  t.same(addresses(), [a!.address])
  await balancer.reload(configured({ backends: first.source, 'response-timeout': 7 }))
  t.same(addresses(), [a!.address])
  await eventually(() => pool().sources.status.length === 1)
  first.write([a!.address, b!.address])
  await eventually(() => addresses().length === 2, NOTICED_MS)
  await balancer.reload(configured({ backends: [b!.address], 'response-timeout': 7 }))
  t.same(addresses(), [b!.address])
  t.same(pool().sources.status, [])
  await balancer.reload(configured({ backends: first.source }))
  await eventually(() => addresses().length === 2)
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
})
