import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ListenOptions } from 'node:net'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/counters.js'
import { OVERLOADED } from '../lib/forward/failure.js'
import { answerRaw } from '../lib/forward/raw-answer.js'
import { isOwnTarget } from '../lib/forward/target.js'

/** The kernel cuts it to its own limit, 4096 on Linux. */
const BACKLOG = 65_535

/**
 * Bounds the requests in flight and the connections. A request too many is answered before Fastify sees it; a
 * connection too many is closed by Node before a byte of it is read. The balancer's own paths are always open, as
 * overload is when one looks at them.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, registry } = fastify
    const { maxConnections } = config
    const { counters } = registry

    const [route] = server.listeners('request') as ((req: IncomingMessage, res: ServerResponse) => void)[]
    server.removeAllListeners('request')
    server.on('request', (req, res) => {
      if (counters.get(BalancerCell.inFlight) >= maxConnections && !isOwnTarget(req.url!)) {
        counters.addTotal(BalancerCell.rejectedOverload, 1)
        answerRaw(req, res, OVERLOADED)
      } else {
        route!(req, res)
      }
    })

    // Clients that connect while the loop is busy wait in the kernel's queue; past its end they lose a second.
    const { listen } = server
    server.listen = ((options: ListenOptions, ...rest: []) =>
      listen.call(server, { backlog: BACKLOG, ...options }, ...rest)) as typeof server.listen

    server.maxConnections = config.maxSockets
    server.on('drop', () => counters.addTotal(BalancerCell.connectionsDropped, 1))
  },
  { name: 'overload', dependencies: ['backend-registry'] }
)
