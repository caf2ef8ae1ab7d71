import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { OncePerKey } from '../lib/base/once-per-key.js'
import type { Config } from '../lib/config/load.js'
import { Clients } from '../lib/listener/access/clients.js'
import { rateLimitFields } from '../lib/listener/access/rate-limit-fields.js'
import { RateLimiter } from '../lib/listener/access/rate-limiter.js'
import { unreadableHop } from '../lib/listener/client/client-address.js'
import { clientAddress } from '../lib/listener/client/connection-info.js'
import { BalancerCell } from '../lib/pool/counters.js'
import { DENIED, type Failure, RATE_LIMITED } from '../lib/proxy/failure.js'

/** How a request is rejected because of its client. */
interface Rejection {
  readonly failure: Failure
  /** The balancer's counter of the reason (`BalancerCell`). */
  readonly cell: number
  /** Further fields of the answer. */
  readonly fields?: readonly string[]
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * How a request is to be rejected because of its client, undefined if it is not; it then counts towards the client's
     * rate limit. The function is undefined where no client is limited.
     */
    rejectionOf: ((req: IncomingMessage) => Rejection | undefined) | undefined
  }
}

const DENIED_REJECTION: Rejection = { failure: DENIED, cell: BalancerCell.rejectedDenied }

/** Access control by address, and rate limits per client. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { rateLimit, allow, deny } = config.access
    const { trustedProxies: trusted } = config
    const { log, registry } = fastify
    const clients = new Clients({ allow, deny }, trusted)
    const limiter = rateLimit && new RateLimiter(rateLimit)
    const fieldsOf = rateLimit && rateLimitFields(rateLimit)

    const rejectionOf = (req: IncomingMessage): Rejection | undefined => {
      const { isDenied, key } = clients.of(req)
      if (isDenied) return DENIED_REJECTION
      const waitMs = limiter?.take(key, performance.now()) ?? 0
      if (waitMs === 0) return undefined
      return { failure: RATE_LIMITED, cell: BalancerCell.rejectedRateLimit, fields: fieldsOf!(waitMs) }
    }
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
    const isLimited = limiter || allow || deny
    const hasProxies = trusted.rules.length > 0
    const withUnreadableRecorded: typeof rejectionOf = (req) => {
      recordUnreadable(req)
      return isLimited ? rejectionOf(req) : undefined
    }
    fastify.decorate('rejectionOf', hasProxies ? withUnreadableRecorded : isLimited ? rejectionOf : undefined)
  },
  { name: 'access', dependencies: ['backend-registry'] }
)
