import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Test } from 'tap'
import app from '../app/index.js'
import { serverOptions } from '../app/options.js'
import type { PoolChange } from '../app/routed-pools.js'
import type { RunningPool } from '../lib/admin/pool-set.js'
import { loadConfig } from '../lib/config/load.js'
import type { Statistics } from '../lib/observe/statistics.js'
import type { Registry } from '../lib/pool/registry.js'
import { everywhere, securePorts, statusOfPage } from './support/secure-ports.js'
import { atEnd, eventually } from './support/test.js'

export { atEnd, eventually, sleep, test } from './support/test.js'

export type LogRecord = { level: number; msg: string } & Record<string, unknown>

/** A balancer in this process, on a port of its own. */
export interface Balancer {
  readonly fastify: FastifyInstance
  /** Of the only pool; without backends if there are several. */
  readonly registry: Registry
  pools(): readonly RunningPool[]
  readonly port: number
  /** Where `/__lb/` is: the same, unless it has a port of its own. */
  readonly adminPort: number
  /** Its connections to clients. */
  readonly connections: ReadonlySet<Socket>
  /** What it has logged so far. */
  readonly log: LogRecord[]
  stats(): Statistics
}

/**
 * Starts a balancer in front of `backends`, without health checks, with a short drain and much time to connect and to queue, unless `env` says otherwise.
 * At the end of the test it must have given back every slot, and still answer.
 */
export async function startBalancer(
  t: Test,
  backends: readonly { readonly address: string }[] | string,
  env: Readonly<Record<string, string>> = {}
): Promise<Balancer> {
  const list = typeof backends === 'string' ? backends : backends.map(({ address }) => address).join(' ')
  return startWith(t, { LB_BACKENDS: list, ...env })
}

/** The same with the pools and routes of a file. */
export async function startRoutes(
  t: Test,
  content: object,
  env: Readonly<Record<string, string>> = {}
): Promise<RoutedBalancer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'routes-'))
  atEnd(t, () => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'lb.json')
  const write = (content: object) => writeFileSync(file, JSON.stringify(content))
  write(content)
  const balancer = await startWith(t, { LB_CONFIG: file, ...env })
  const reload = (content: object) => {
    write(content)
    return balancer.routedPools!.apply(configWith({ LB_CONFIG: file, ...env }).routing!)
  }
  return { ...balancer, reload }
}

/** A balancer with pools and routes. */
export interface RoutedBalancer extends Balancer {
  /** Replaces the file, and has it read again. */
  reload(content: object): Promise<PoolChange>
}

/** Unless a test says otherwise. */
export const SETTINGS = {
  LB_NO_HEALTH_CHECK: 'true',
  LB_STATS_INTERVAL: '0',
  LB_DRAIN_TIMEOUT: '2',
  // Longer than tests wait, so that nothing seems done that has only run out of time.
  LB_CONNECTION_TIMEOUT: '20',
  LB_QUEUE_TIMEOUT: '20'
}

const configWith = (env: Readonly<Record<string, string>>) =>
  loadConfig({ ...SETTINGS, ...everywhere.env, ...env })

async function startWith(t: Test, env: Readonly<Record<string, string>>) {
  const config = configWith(env)
  const log: LogRecord[] = []
  const stream = { write: (line: string) => log.push(JSON.parse(line)) }
  const fastify = Fastify({ ...serverOptions(config), logger: { level: 'info', stream } })
  let inner!: FastifyInstance
  const balancing = async (instance: FastifyInstance) => {
    await app(instance, { config })
    inner = instance
  }
  // For the name of a plugin that has none Fastify goes through all modules.
  await fastify.register(fp(balancing, { name: 'balancer', encapsulate: true }))
  atEnd(t, () => fastify.close())
  await fastify.listen({ host: '127.0.0.1', port: 0 })
  const { port } = fastify.server.address() as { port: number }
  const adminPort = config.admin.port === undefined ? port : await adminPortIn(log)
  if (everywhere.client) securePorts.set(port, everywhere.client)
  // The system gives it to others of this process, who may not speak TLS.
  atEnd(t, () => securePorts.delete(port))
  const balancer = {
    fastify,
    registry: inner.registry,
    connections: inner.connections,
    port,
    adminPort,
    log,
    pools: () => inner.poolSet.all,
    stats: () => inner.statistics(),
    routedPools: inner.routedPools
  }
  atEnd(t, () => checkIdle(t, balancer))
  return balancer
}

async function adminPortIn(log: readonly LogRecord[]): Promise<number> {
  const find = () => log.map(({ msg }) => /^Administration at .*:(\d+)$/.exec(msg)?.[1]).find(Boolean)
  await eventually(find)
  return Number(find())
}

/** Until the end of the test the first among equal backends is chosen, instead of any. */
export function withoutChance(t: Test): void {
  const { random } = Math
  Math.random = () => 1 - Number.EPSILON
  atEnd(t, () => {
    Math.random = random
  })
}

/** Requests in flight by the balancer's own count, then by that of each backend. */
export function inFlight({ registry, pools }: Balancer): number[] {
  return [registry.inFlight, ...pools().flatMap((pool) => pool.registry.backends.map(({ active }) => active))]
}

/** Every place and slot is free again, and the balancer is well. */
async function checkIdle(t: Test, balancer: Balancer): Promise<void> {
  const { fastify, adminPort } = balancer
  const idle = () => inFlight(balancer).every((count) => count === 0)
  await eventually(idle).catch(() => {})
  t.same(new Set(inFlight(balancer)), new Set([0]), 'nothing is left in flight')
  if (!fastify.server.listening) return
  t.equal(await statusOfPage(adminPort, '/__lb/live'), 200, 'the balancer still answers')
}
