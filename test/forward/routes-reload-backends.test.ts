import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { atEnd, eventually, type RoutedBalancer, sleep, startRoutes, test } from '../helper.js'
import { heldMemory } from '../support/garbage.js'
import { type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { fieldValue } from '../support/wire.js'

// Backends of pools over reloads that change other settings too

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const CHECKED = { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_PERIOD: '0.1' }
/** Longer than backends that are replaced serve on. */
const LATER_MS = 60_000

/** Answers with its name once it is well; until then checks fail. */
async function named(t: Test, name: string, health = { isWell: true }): Promise<RawBackend> {
  return scripted(t, (_request, socket) => {
    const status = health.isWell ? '200 OK' : '500 No'
    socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${name.length}\r\n\r\n${name}`)
  })
}

const file = (settings: object, ...backends: RawBackend[]) => ({
  pools: { web: { backends: backends.map(({ address }) => address), ...settings } },
  routes: [{ pool: 'web' }]
})

/** The same with a pool that is not ready yet, for which the routes wait. */
function withPoolToWaitFor(content: ReturnType<typeof file>, sick: RawBackend) {
  const pools = { ...content.pools, next: { backends: [sick.address] } }
  return { pools, routes: [...content.routes, { match: { path: '/next' }, pool: 'next' }] }
}

const body = async (t: Test, { port }: RoutedBalancer) => `${(await exchange(t, port, GET)).body}`

const addresses = (balancer: RoutedBalancer) =>
  balancer.pools()[0]!.registry.backends.map(({ address }) => address)

test('backends that are replaced together with other settings serve until the new ones can', async (t) => {
  const health = { isWell: false }
  const [old, next] = await Promise.all([named(t, 'old'), named(t, 'next', health)])
  const balancer = await startRoutes(t, file({}, old), CHECKED)
  t.match(await balancer.reload(file({ retries: 1 }, next)), { changed: ['web'] })
  await eventually(() => next.requests.length > 1)
  t.equal(await body(t, balancer), 'old')
  t.match(await balancer.reload(file({ retries: 0 }, next)), { changed: ['web'] })
  t.equal(await body(t, balancer), 'old', 'over further changes as well')
  health.isWell = true
  await eventually(() => addresses(balancer).length === 1)
  t.equal(await body(t, balancer), 'next')
})

test('a backend that is being replaced is no member again after a change of other settings', async (t) => {
  const [old, next] = await Promise.all([named(t, 'old'), named(t, 'next', { isWell: false })])
  const balancer = await startRoutes(t, file({}, old), CHECKED)
  await balancer.reload(file({}, next))
  await balancer.reload(file({ retries: 1 }, next))
  t.same(addresses(balancer), [old.address, next.address])
  balancer.pools()[0]!.registry.tick(performance.now() + LATER_MS)
  t.same(addresses(balancer), [next.address])
})

test('what an operator changes while routes wait for a new pool stays', async (t) => {
  const health = { isWell: false }
  const [old, added] = await Promise.all([named(t, 'old'), named(t, 'added')])
  const sick = await named(t, 'sick', health)
  const balancer = await startRoutes(t, file({}, old), CHECKED)
  const reloaded = balancer.reload(withPoolToWaitFor(file({ retries: 1 }, old), sick))
  await eventually(() => sick.requests.length > 0)
  const { backendList, registry } = balancer.pools()[0]!
  backendList.add({ address: added.address })
  backendList.change(registry.backends[0]!, { draining: true })
  health.isWell = true
  t.match(await reloaded, { added: ['next'], changed: ['web'] })
  t.same(addresses(balancer), [old.address, added.address])
  t.equal(await body(t, balancer), 'added')
})

test('changes by an operator are kept in the state file over reloads', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'state-'))
  atEnd(t, () => rmSync(folder, { recursive: true }))
  const env = { LB_STATE_FILE: path.join(folder, 'state.json') }
  const kept = () => JSON.parse(readFileSync(path.join(folder, 'state.web.json'), 'utf8'))
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => named(t, name)))
  const balancer = await startRoutes(t, file({}, a!), env)
  balancer.pools()[0]!.backendList.add({ address: b!.address })
  await balancer.pools()[0]!.backendListSaved()
  await balancer.reload(file({ retries: 1 }, a!))
  balancer.pools()[0]!.backendList.add({ address: c!.address })
  await balancer.pools()[0]!.backendListSaved()
  t.match(kept(), {
    configured: [{ address: a!.address }],
    backends: [a, b, c].map((each) => ({ address: each!.address }))
  })
  t.notOk(balancer.log.some(({ msg }) => msg.includes('ignored')))
  await balancer.reload(file({ retries: 0 }, c!))
  await balancer.pools()[0]!.backendListSaved()
  t.match(kept(), { configured: [{ address: c!.address }], backends: [{ address: c!.address }] })
})

test('a server that is closed while routes wait for a new pool changes nothing any more', async (t) => {
  const [old, sick] = await Promise.all([named(t, 'old'), named(t, 'sick', { isWell: false })])
  const balancer = await startRoutes(t, file({}, old), CHECKED)
  const reloaded = balancer.reload(withPoolToWaitFor(file({ retries: 1 }, old), sick))
  const rejected = t.rejects(reloaded, { message: 'the server is closed' })
  await eventually(() => sick.requests.length > 0)
  await balancer.fastify.close()
  await rejected
})

test('sessions without a secret outlive a change of other settings', async (t) => {
  const backends = await Promise.all(['a', 'b', 'c'].map((name) => named(t, name)))
  const balancer = await startRoutes(t, file({ sticky: true }, ...backends))
  const first = await exchange(t, balancer.port, GET)
  const [session = ''] = fieldValue(first.fields, 'set-cookie')!.split(';')
  for (const retries of [0, 1, 2]) {
    await balancer.reload(file({ sticky: true, retries }, ...backends))
    const again = await exchange(t, balancer.port, GET.replace('\r\n\r\n', `\r\nCookie: ${session}\r\n\r\n`))
    t.equal(`${again.body}`, `${first.body}`)
    t.equal(fieldValue(again.fields, 'set-cookie'), undefined)
  }
})

test('nothing is kept of the pools that reloads have replaced', async (t) => {
  const a = await named(t, 'a')
  const content = (retries: number) => {
    const { pools } = file({ retries, sticky: true }, a)
    const routes = [
      { split: [{ pool: 'web' }], 'split-by': 'client' },
      { match: { path: '/x' }, pool: 'web', 'rate-limit': '1000/s' }
    ]
    return { pools, routes }
  }
  const balancer = await startRoutes(t, content(0))
  const replaced: WeakRef<object>[] = []
  for (const retries of [1, 2, 3, 4]) {
    replaced.push(new WeakRef(balancer.pools()[0]!.registry))
    t.equal(await body(t, balancer), 'a')
    await balancer.reload(content(retries))
  }
  const kept = () => replaced.filter((each) => each.deref()).length
  // Each is closed at a tick of its own.
  for (let i = 0; i < 50 && kept() > 0; i++) {
    await sleep(50)
    await heldMemory()
  }
  t.equal(kept(), 0)
})

test('nothing is kept of a pool that got copies, once they have all ended', async (t) => {
  const [web, shadow] = [await named(t, 'web'), await named(t, 'shadow')]
  const content = (retries: number) => ({
    pools: {
      web: { backends: [web.address], retries },
      shadow: { backends: [shadow.address], retries }
    },
    routes: [{ pool: 'web', mirror: { pool: 'shadow' } }]
  })
  const balancer = await startRoutes(t, content(0))
  const replaced: WeakRef<object>[] = []
  for (const retries of [1, 2]) {
    replaced.push(...balancer.pools().map(({ registry }) => new WeakRef(registry)))
    t.equal(await body(t, balancer), 'web')
    await eventually(() => balancer.stats().routes[0]!.mirror.answered === retries)
    await balancer.reload(content(retries))
  }
  t.equal(shadow.requests.length, 2)
  const kept = () => replaced.filter((each) => each.deref()).length
  for (let i = 0; i < 50 && kept() > 0; i++) {
    await sleep(50)
    await heldMemory()
  }
  t.equal(kept(), 0)
})
