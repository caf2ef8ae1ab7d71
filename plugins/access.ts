import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import type { SharedCells } from '../lib/base/cells/shared-cells.js'
import { OncePerKey } from '../lib/base/once-per-key.js'
import type { Config } from '../lib/config/load.js'
import { isLimited } from '../lib/listener/access/options.js'
import type { RateLimits } from '../lib/listener/access/rate-limiter.js'
import type { SharedRateLimits } from '../lib/listener/access/shared-rate-limits.js'
import { unreadableHop } from '../lib/listener/client/client-address.js'
import { clientAddress } from '../lib/listener/client/connection-info.js'
import { BalancerCell } from '../lib/pool/cells.js'
import type { Rejection } from '../lib/proxy/admission/rejection.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * How a request is to be rejected because of its client, undefined if it is not; it then counts towards the client's
     * rate limit. The function is undefined where no client is limited.
     */
    rejectionOf: ((req: IncomingMessage) => Rejection | undefined) | undefined
    /** The rate limits of all threads; undefined with one. */
    sharedRateLimits: SharedRateLimits | undefined
    /** What makes rate limits that are not those of one thread: those of all threads, or of all balancers. */
    rateLimits: RateLimits | undefined
  }
}

/** Access control by address, and rate limits per client. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { trustedProxies: trusted } = config
    const { log, registry } = fastify
    const rateLimits = sharedRateLimits(fastify.cells)
    const widest: RateLimits | undefined = fastify.fleet?.rateLimits ?? rateLimits
    const control = accessControl(config, widest)
    const rejectionOf = control && ((req: IncomingMessage) => control.rejectionOf(req))
    const proxies = new OncePerKey()
    /** Counts a request whose `X-Forwarded-For` names no readable client, and logs the first of each proxy. */
    const recordUnreadable = (req: IncomingMessage) => {
      const said = unreadableHop(req, trusted)
      if (said === undefined) return
      registry.counters.addTotal(BalancerCell.clientsUnreadable, 1)
      const proxy = clientAddress(req.socket)
      if (!proxies.isFirst(proxy)) return
      log.warn(
        `${proxy} says ${said}: such requests count as those of the last address that can be read ` +
          '(fairlead_clients_unreadable_total)'
      )
    }
    const hasProxies = trusted.rules.length > 0
    const withUnreadableRecorded = (req: IncomingMessage) => {
      recordUnreadable(req)
      return rejectionOf?.(req)
    }
    fastify.decorate('sharedRateLimits', rateLimits)
    fastify.decorate('rateLimits', widest)
    fastify.decorate('rejectionOf', hasProxies ? withUnreadableRecorded : rejectionOf)
  },
  { name: 'access', dependencies: ['backend-registry', 'cells', 'fleet'] }
)

/** Undefined where no client is limited, and then not loaded. */
function accessControl({ access, trustedProxies }: Config, rateLimits: RateLimits | undefined) {
  if (!isLimited(access)) return undefined
  const { AccessControl } =
    require('../lib/proxy/admission/access-control.js') as typeof import('../lib/proxy/admission/access-control.js')
  return new AccessControl(access, trustedProxies, undefined, rateLimits?.of('server'))
}

/** Undefined with one thread, and then not loaded. Routes that a reload brings may have limits where none has one yet. */
function sharedRateLimits(cells: SharedCells): SharedRateLimits | undefined {
  if (cells.threads.count === 1) return undefined
  const { SharedRateLimits } =
    require('../lib/listener/access/shared-rate-limits.js') as typeof import('../lib/listener/access/shared-rate-limits.js')
  return new SharedRateLimits(cells)
}
