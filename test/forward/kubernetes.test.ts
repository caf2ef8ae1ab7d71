import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, startBalancer, test } from '../helper.js'
import { API_FAULTS } from '../support/kubernetes/api-faults.js'
import { ApiServer } from '../support/kubernetes/api-server.js'
import { Pods } from '../support/kubernetes/pods.js'
import { writeKubeconfig } from '../support/kubernetes/source-stage.js'
import { Visitors } from '../support/kubernetes/visitors.js'
import { seededRandom } from '../support/random.js'
import { sleep } from '../support/test.js'

const REPLICAS = 3
const VISITORS = 6
/** Of the API server; `FAULTS=100` in the environment makes a long run of it. */
const FAULTS = Number(process.env.FAULTS ?? 8)
const SEED = Number(process.env.SEED ?? 1)
/** The longest that the source waits before it asks again, twice. */
const RECOVERY_MS = 20_000
const SOURCE = 'k8s://shop/web:http'

/** Pods, an API server that tells of them, and a balancer that asks it. */
async function stage(t: Test) {
  const api = await ApiServer.start(t)
  const pods = await Pods.create(t, api)
  for (let i = 0; i < REPLICAS; i++) await pods.start()
  const folder = mkdtempSync(path.join(tmpdir(), 'kubeconfig-'))
  atEnd(t, () => rmSync(folder, { recursive: true }))
  const balancer = await startBalancer(t, SOURCE, {
    LB_KUBECONFIG: writeKubeconfig(path.join(folder, 'config'), api),
    LB_NO_HEALTH_CHECK: 'false',
    LB_STICKY_COOKIE: 'lb',
    LB_STICKY_SECRET: 'sixteen or more characters'
  })
  t.equal(balancer.registry.eligibleCount, REPLICAS, 'all were found and checked before it listened')
  return { api, pods, balancer }
}

/** Replaces a pod by a new one as a deployment does: one more at most, and none less. */
async function replaceOldest(pods: Pods, { registry }: Balancer, busyMs: number): Promise<void> {
  const [old] = pods.names
  const address = pods.addressOf(old!)
  const young = await pods.start()
  const youngAddress = pods.addressOf(young)
  await eventually(() => registry.backendAt(youngAddress)?.eligible, RECOVERY_MS)
  pods.set(old!, 'terminating')
  await eventually(() => registry.backendAt(address)?.status === 'terminating', RECOVERY_MS)
  await sleep(busyMs)
  pods.set(old!, 'stopped')
  await eventually(() => registry.backendAt(address) === undefined, RECOVERY_MS)
  await pods.end(old!)
}

test('all pods are replaced: no request fails, and no session moves before its pod serves no more', async (t) => {
  const { pods, balancer } = await stage(t)
  const first = pods.names
  const visitors = new Visitors(balancer.port, pods, VISITORS)
  for (let i = 0; i < REPLICAS; i++) await replaceOldest(pods, balancer, 150)
  await visitors.stop()
  t.same(visitors.faults, [])
  t.ok(visitors.requests > 50 && visitors.moves > 0, `${visitors.requests} requests, ${visitors.moves} moves`)
  t.notOk(first.some((name) => pods.names.includes(name)))
  t.match(balancer.stats().pools[0]?.sources, [{ source: SOURCE, members: REPLICAS, failure: null }])
  t.ok(balancer.log.some(({ msg }) => / is about to end: its source says so$/.test(msg)))
})

test('a change is known within a tenth of a second of when the API server tells of it', async (t) => {
  const { pods, balancer } = await stage(t)
  const tookMs: number[] = []
  for (let i = 0; i < 10; i++) {
    const host = `127.0.4.${i + 1}`
    const beganMs = performance.now()
    pods.mark(host, true)
    await eventually(() => balancer.registry.backends.some(({ config }) => config.hostname === host))
    tookMs.push(performance.now() - beganMs)
  }
  // The others may have waited for a processor.
  t.ok(Math.min(...tookMs) < 100, `${tookMs.map(Math.round)} ms`)
})

test('whatever becomes of the API server, clients do not notice it', async (t) => {
  const { api, pods, balancer } = await stage(t)
  const visitors = new Visitors(balancer.port, pods, VISITORS)
  const random = seededRandom(SEED)
  const names = Object.keys(API_FAULTS)
  let isOver = false
  const replacing = (async () => {
    while (!isOver) await replaceOldest(pods, balancer, 50)
  })()
  for (let i = 0; i < FAULTS; i++) {
    const name = names[Math.floor(random() * names.length)]!
    await API_FAULTS[name]!(api, 50 + random() * 350)
    const beganMs = performance.now()
    const host = `127.0.5.${(i % 250) + 1}`
    const isKnown = () => balancer.registry.backends.some(({ config }) => config.hostname === host)
    pods.mark(host, true)
    await eventually(isKnown, RECOVERY_MS)
    t.comment(`${Math.round(performance.now() - beganMs)} ms after: ${name}`)
    pods.mark(host, false)
    // A watch that has lasted is begun anew at once.
    await sleep(random() * 1200)
  }
  isOver = true
  await replacing
  await eventually(() => balancer.stats().pools[0]!.sources[0]!.failure === null, RECOVERY_MS)
  await visitors.stop()
  t.same(visitors.faults, [], `seed ${SEED}`)
  t.comment(`${FAULTS} faults, ${visitors.requests} requests, ${visitors.moves} sessions moved`)
  t.notOk(
    balancer.log.some((record) => JSON.stringify(record).includes('"stack"')),
    'no stack is logged'
  )
})
