import type { FastifyInstance, FastifyPluginAsync, LogLevel } from 'fastify'
import fp from 'fastify-plugin'
import { Pool } from '../lib/admin/pools.js'
import type { Config } from '../lib/config/load.js'
import type { PoolOptions } from '../lib/config/options.js'
import { optionsError, poolConfig } from '../lib/config/program.js'
import { isPrefix, Prefix } from '../lib/routing/prefix.js'
import pools from '../plugins/pools.js'
import prefixed, { type Rejection } from '../routes/prefixed/index.js'
import { createPool } from './pool.js'

/** Options of `register` beside the settings of the pool. */
export interface PlaceOptions {
  /** Requests below this path are balanced; all requests if absent. */
  prefix?: string
  /** Replaces the prefix in the path that backends get; if absent, the prefix is cut off. */
  rewritePrefix?: string
  /** Name of the pool; its prefix if absent. */
  name?: string
  /** Whether connections below the prefix may change to WebSocket, or to another protocol. */
  websocket?: boolean
}

/** Options of the plugin. */
export type FairleadOptions = PoolOptions & PlaceOptions

interface RouterConfig {
  readonly caseSensitive?: boolean
  readonly routerOptions?: { readonly caseSensitive?: boolean }
}

/** Fields of a request head that Node keeps, unless its server says otherwise. */
const DEFAULT_HEADERS_COUNT = 1000
/** Options that Fastify itself accepts for every plugin. */
interface LogOptions {
  readonly logLevel?: LogLevel
  readonly logSerializers?: Record<string, (value: unknown) => string>
}
const FASTIFY_OPTIONS = ['logLevel', 'logSerializers']

/** The plugin: balances the requests below a prefix of an application. */
const fairlead: FastifyPluginAsync<FairleadOptions> = async (fastify, options) => {
  const { prefix = '', rewritePrefix = '', name, websocket = false, ...settings } = options
  const { logLevel, logSerializers } = options as LogOptions
  const own = withoutKeys(settings, FASTIFY_OPTIONS)
  const given = poolConfig(own, placeFaults(fastify, { prefix, rewritePrefix, name, websocket }, own))
  const limits = {
    ...given.limits,
    // The application may set its own when it has registered everything.
    get headers() {
      return maxHeaders(fastify, given)
    }
  }
  const config = { ...given, limits }
  const place = withoutLastSlash(fastify.prefix) + withoutLastSlash(prefix)
  const poolName = name ?? (place || '/')

  await fastify.register(pools)
  const { sticky } = config.balancing
  fastify.fairlead.reserve(poolName, sticky && `${sticky.cookie} of ${sticky.domain}${sticky.path}`)
  let rejection: Rejection | undefined
  const log = fastify.log.child(
    { pool: poolName },
    { ...(logLevel && { level: logLevel }), ...(logSerializers && { serializers: logSerializers }) }
  )
  const pool = await createPool(poolName, config, log, (_req, _res, failure, fields) => {
    rejection = { failure, fields }
  })
  fastify.fairlead.add(new Pool(poolName, () => pool))
  const takeRejection = () => {
    const taken = rejection
    rejection = undefined
    return taken
  }
  fastify.addHook('onReady', async () => void (await pool.ready()))
  if (websocket) fastify.addHook('onReady', async () => refuseOtherTunnels(fastify))
  fastify.addHook('preClose', async () => pool.registry.startDraining())
  fastify.addHook('onClose', () => pool.close())

  const cut = new Prefix(place, withoutLastSlash(rewritePrefix), ignoresCase(fastify))
  const scope = { prefix: withoutLastSlash(prefix), logLevel, logSerializers } as LogOptions
  await fastify.register(prefixed, { ...scope, config, pool, cut, takeRejection, websocket })
}

/**
 * So many fields a request may have. Of one with as many as its server reads nobody knows whether it had more, which Node
 * drops unseen, `Content-Length` among them.
 */
function maxHeaders({ server }: FastifyInstance, { limits }: Config): number {
  const read = server.maxHeadersCount ?? DEFAULT_HEADERS_COUNT
  return read > 0 ? Math.min(limits.headers, read - 1) : limits.headers
}

/** What is wrong with the place of a pool in its server. */
function placeFaults(fastify: FastifyInstance, options: PlaceOptions, settings: object): string[] {
  const { prefix, rewritePrefix, name, websocket } = options
  const faults: string[] = []
  for (const [key, text] of [
    ['prefix', fastify.prefix],
    ['prefix', prefix],
    ['rewritePrefix', rewritePrefix]
  ]) {
    if (text === '' || text === '/' || isPrefix(withoutLastSlash(`${text}`))) continue
    faults.push(`${key} must be a path such as /api, without parameters and encodings, but is "${text}"`)
  }
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    faults.push('name must be a text that is not empty')
  if (typeof websocket !== 'boolean') faults.push('websocket must be true or false')
  if (websocket && (fastify.initialConfig as { http2?: boolean }).http2)
    faults.push('websocket needs a server of HTTP/1.1')
  for (const key of ['tunnelTimeout', 'tunnel-timeout'])
    if (!websocket && key in settings) faults.push(`${key} needs websocket`)
  return faults
}

/** Whether the router of a server does not tell capitals from small letters. */
function ignoresCase({ initialConfig }: FastifyInstance): boolean {
  const { caseSensitive, routerOptions } = initialConfig as RouterConfig
  return (routerOptions?.caseSensitive ?? caseSensitive) === false
}

/** That plugin answers whatever wants to change the protocol, below whichever path. */
function refuseOtherTunnels(fastify: FastifyInstance): void {
  if (fastify.hasPlugin('@fastify/websocket') || fastify.hasDecorator('websocketServer'))
    throw optionsError(['websocket cannot be together with @fastify/websocket in one server'])
}

const withoutLastSlash = (text: string) => text.replace(/\/$/, '')

const withoutKeys = (settings: object, keys: readonly string[]): PoolOptions =>
  Object.fromEntries(Object.entries(settings).filter(([key]) => !keys.includes(key)))

export default fp(fairlead, { name: 'fairlead', fastify: '5.x' })
