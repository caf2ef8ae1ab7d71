import type { IncomingMessage, ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/counters.js'
import { isRefused } from '../lib/forward/broken-request.js'
import { OVERLOADED } from '../lib/forward/failure.js'
import { answerRaw } from '../lib/forward/raw-answer.js'
import { isOwnTarget } from '../lib/forward/target.js'

/**
 * Bounds the requests in flight. One too many is answered before Fastify sees it. The balancer's own paths stay open,
 * as overload is when one looks at them.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, registry } = fastify
    const { maxConnections } = config
    const { counters } = registry

    const [route] = server.listeners('request') as ((req: IncomingMessage, res: ServerResponse) => void)[]
    server.removeAllListeners('request')
    server.on('request', (req, res) => {
      if (isRefused(req.socket)) return
      if (counters.get(BalancerCell.inFlight) >= maxConnections && !isOwnTarget(req.url!)) {
        counters.addTotal(BalancerCell.rejectedOverload, 1)
        answerRaw(req, res, OVERLOADED)
      } else {
        route!(req, res)
      }
    })
  },
  { name: 'overload', dependencies: ['backend-registry'] }
)
