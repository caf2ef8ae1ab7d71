/** What the types of the package have to take, and what they have to refuse, in each kind of module. */
const ESM = `
import Fastify from 'fastify'
import fairlead, { createLoadBalancer } from 'fairlead'
import type { FairleadOptions, LoadBalancer, LoadBalancerOptions, Pool, RouteSettings, RoutingOptions } from 'fairlead'

const app = Fastify()
await app.register(fairlead, {
  prefix: '/a',
  backends: ['127.0.0.1:1', { address: '127.0.0.1:2', weight: 3, backup: true }],
  healthCheckPeriod: 2,
  healthCheck: { url: '/healthz' },
  ejection: false,
  'retry-budget': 10,
  algorithm: 'peak-ewma',
  trustedProxies: ['10.0.0.0/8'],
  hedge: true
})
const options: FairleadOptions = { prefix: '/b', rewritePrefix: '/v2', name: 'b', backends: '127.0.0.1:3' }
await app.register(fairlead, options)
const pool: Pool = app.fairlead.pool('b')
const total: number = pool.stats().requests.total
const addresses: string[] = pool.stats().backends.map(({ address }) => address)
pool.add({ address: '127.0.0.1:4', max: 3 })
pool.drain('127.0.0.1:4')
const ofServer: LoadBalancerOptions = { backends: '127.0.0.1:1', maxSockets: 3, 'tls-min-version': 'TLSv1.3' }
const lb = createLoadBalancer(ofServer, { logger: { level: 'warn' } })
await lb.listen({ port: 0 })
console.log(total, addresses, lb.fairlead.pool().stats())

const routing: RoutingOptions = {
  pools: {
    web: { backends: ['127.0.0.1:1'], healthCheck: { url: '/healthz', downPeriod: 2 }, sticky: true },
    api: { backends: [{ address: '127.0.0.1:2' }], 'health-check': false, retries: 0 }
  },
  routes: [
    { match: { host: ['a.example'], 'path-prefix': '/v2', headers: { 'x-a': true, 'x-b': { regexp: '^b' } } }, pool: 'api' },
    { match: { path: '/old' }, redirect: { path: '/new', status: 308 } },
    { split: [{ pool: 'web', weight: 95 }, { pool: 'api' }], errors: [{ status: '5xx', html: '<h1>Soon</h1>' }] }
  ]
}
const routed: LoadBalancer = createLoadBalancer({ http2: { maxStreams: 9 }, ...routing })
const change = await routed.fairlead.replace({ routes: [{ pool: 'web' }] })
const added: readonly string[] = change.added
console.log(added, routed.fairlead.stats().connections.open)

// @ts-expect-error that is for a whole server to have
createLoadBalancer({ pools: { web: { backends: 'a:1', maxSockets: 3 } } })
// @ts-expect-error there is no such key
const pathless: RouteSettings = { match: { pathPrefix: '/a' }, pool: 'web' }
// @ts-expect-error a mirror has a pool
const poolless: RouteSettings = { pool: 'web', mirror: { percent: 3 } }
console.log(pathless, poolless)

// @ts-expect-error that is for a whole server to have
app.register(fairlead, { prefix: '/c', backends: 'a:1', maxSockets: 3 })
// @ts-expect-error there is no such algorithm
app.register(fairlead, { prefix: '/c', backends: 'a:1', algorithm: 'best' })
// @ts-expect-error there is no such option
app.register(fairlead, { prefix: '/c', backends: 'a:1', retrys: 1 })
`

const CJS = `
import Fastify = require('fastify')
import fairlead = require('fairlead')

const app = Fastify.fastify()
app.register(fairlead, { prefix: '/a', backends: '127.0.0.1:1' })
app.register(fairlead.default, { prefix: '/b', backends: '127.0.0.1:1' })
app.register(fairlead.fairlead, { prefix: '/c', backends: '127.0.0.1:1' })
const options: fairlead.LoadBalancerOptions = { backends: '127.0.0.1:1' }
const lb = fairlead.createLoadBalancer(options)
console.log(app.fairlead.pool('/a').stats().latency.p99Ms, lb.server)
`

/** By the name of the file. */
export const TYPES: Readonly<Record<string, string>> = { 'esm.mts': ESM, 'cjs.cts': CJS, 'bundled.ts': ESM }
