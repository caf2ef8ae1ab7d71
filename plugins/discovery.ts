import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { LIST } from '../lib/admin/backend-list.js'
import type { Config } from '../lib/config/load.js'
import { checkFault } from '../lib/config/settings/health-check.js'
import { Leases } from '../lib/discovery/leases.js'
import { Members } from '../lib/discovery/members.js'
import { Sources } from '../lib/discovery/sources.js'
import type { BackendConfig } from '../lib/pool/spec/backend-spec.js'
import type { FaultOf } from '../lib/pool/spec/json-spec.js'

/** How long sources may delay the start; Fastify's plugin timeout is 10 s, of which the first checks take 5 at most. */
const START_MS = 4000

declare module 'fastify' {
  interface FastifyInstance {
    /** The members of the pool. */
    members: Members
    /** Where they come from, beside the list. */
    sources: Sources
    /** Those that have registered themselves; undefined if none may. */
    leases: Leases | undefined
    /** Further validation of its backends. */
    backendFault: FaultOf
  }
}

interface Options {
  readonly config: Config
  /** Whether it is another thread that decides which backends there are. */
  readonly isFollower: boolean
  /** The same pool until its settings changed. */
  readonly predecessor?: FastifyInstance | undefined
}

/** Decorates the server with the members of its pool, and has its sources tell of them from when it is ready. */
export default fp<Options>(
  async (fastify, { config, isFollower, predecessor }) => {
    const { registry, log } = fastify
    const { enabled, path } = config.healthCheck
    const faultOf = (backend: BackendConfig) => (enabled ? checkFault(backend, path) : undefined)
    const members = new Members(registry, LIST, predecessor?.members)
    const destination = { members, registry, faultOf }
    const sources = new Sources(LIST, config, destination, log)
    const { registration } = config
    const leases = registration && new Leases(destination, registration.max, log)
    fastify.decorate('backendFault', faultOf)
    fastify.decorate('members', members)
    fastify.decorate('sources', sources)
    fastify.decorate('leases', leases)
    if (isFollower) return
    fastify.addHook('onReady', async () => {
      sources.start(predecessor?.sources)
      leases?.start(predecessor?.leases)
      await Promise.race([sources.told(), setTimeout(START_MS, undefined, { ref: false })])
    })
    fastify.addHook('onClose', async () => {
      sources.stop()
      leases?.stop()
    })
  },
  { name: 'discovery', dependencies: ['backend-registry'] }
)
