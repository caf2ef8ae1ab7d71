import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { Pool } from '../lib/admin/pools.js'
import { ConfigError } from '../lib/config/load.js'
import { type PoolOptions, poolConfig } from '../lib/config/options.js'
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
}

/** Options of the plugin. */
export type FairleadOptions = PoolOptions & PlaceOptions

/** Options that Fastify itself accepts for every plugin. */
const FASTIFY_OPTIONS = ['logLevel', 'logSerializers']

/** The plugin: balances the requests below a prefix of an application. */
const fairlead: FastifyPluginAsync<FairleadOptions> = async (fastify, options) => {
  const { prefix = '', rewritePrefix = '', name, ...settings } = options
  const config = poolConfig(withoutKeys(settings, FASTIFY_OPTIONS))
  const place = fastify.prefix + withoutLastSlash(prefix)
  checkPlace(place, withoutLastSlash(rewritePrefix))

  await fastify.register(pools)
  const poolName = name ?? (place || '/')
  fastify.fairlead.assertFree(poolName)
  let rejection: Rejection | undefined
  const pool = await createPool(
    config,
    fastify.log.child({ pool: poolName }),
    (_req, _res, failure, fields) => {
      rejection = { failure, fields }
    }
  )
  fastify.fairlead.add(new Pool(poolName, pool))
  const takeRejection = () => {
    const taken = rejection
    rejection = undefined
    return taken
  }
  fastify.addHook('onReady', async () => void (await pool.ready()))
  fastify.addHook('preClose', async () => pool.registry.startDraining())
  fastify.addHook('onClose', () => pool.close())

  const { caseSensitive } = fastify.initialConfig as { caseSensitive?: boolean }
  const cut = new Prefix(place, withoutLastSlash(rewritePrefix), caseSensitive === false)
  await fastify.register(prefixed, { prefix, config, pool, cut, takeRejection })
}

function checkPlace(prefix: string, rewritePrefix: string): void {
  const faults = Object.entries({ prefix, rewritePrefix })
    .filter(([, text]) => text !== '' && !isPrefix(text))
    .map(
      ([key, text]) =>
        `${key} must be a path such as /api, without parameters and encodings, but is "${text}"`
    )
  if (faults.length > 0) throw new ConfigError(faults, 'The options are wrong')
}

const withoutLastSlash = (text: string) => text.replace(/\/$/, '')

const withoutKeys = (settings: object, keys: readonly string[]) =>
  Object.fromEntries(Object.entries(settings).filter(([key]) => !keys.includes(key)))

export default fp(fairlead, { name: 'fairlead', fastify: '5.x' })
