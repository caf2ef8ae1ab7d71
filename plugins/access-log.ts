import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { targetOf } from '../lib/base/http/request-target.js'
import type { Config } from '../lib/config/load.js'
import { requestId } from '../lib/listener/request-id.js'
import type { AccessLog } from '../lib/observe/access-log/access-log.js'
import { BalancerCell } from '../lib/pool/cells.js'
import { whenLocalReplyEnds } from '../lib/proxy/ended-request.js'
import type { Failure } from '../lib/proxy/failure.js'
import type { ClientStream } from '../lib/proxy/response/client-stream.js'
import type { RouteEntry } from '../lib/proxy/route/route-entry.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined if there is no access log. */
    accessLog: AccessLog | undefined
    /**
     * Logs and traces a request that the balancer answers itself, once the answer has ended: with a failure, or, if there
     * is none, as `OPTIONS` or its route asks, in so many bytes. Undefined if there is neither an access log nor tracing.
     */
    recordLocalReply:
      | ((
          req: IncomingMessage,
          res: ClientStream,
          failure?: Failure,
          route?: RouteEntry,
          bytesOut?: number
        ) => void)
      | undefined
  }
}

/** The access log. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { registry, log, tracing } = fastify
    const accessLog = config.accessLog && openLog()
    fastify.decorate('accessLog', accessLog)
    fastify.decorate('recordLocalReply', accessLog || tracing?.hasSpans ? recordLocalReply : undefined)

    function recordLocalReply(
      req: IncomingMessage,
      res: ClientStream,
      failure?: Failure,
      route?: RouteEntry,
      bytesOut = 0
    ): void {
      const target = targetOf(req)
      const trace = tracing?.begin(req, target)
      const trusted = config.trustedProxies
      const by = { target, requestId: requestId(req), forwarded: false, trusted, trace, route }
      whenLocalReplyEnds(req, res, by, failure, bytesOut, (ended) => {
        accessLog?.record(ended)
        trace?.end(ended)
      })
    }

    function openLog(): AccessLog {
      // Loaded only where there is one.
      const { AccessLog: Log } =
        require('../lib/observe/access-log/access-log.js') as typeof import('../lib/observe/access-log/access-log.js')
      const { LineWriter } =
        require('../lib/observe/access-log/line-writer.js') as typeof import('../lib/observe/access-log/line-writer.js')
      const { file } = config.accessLog!
      const writer = new LineWriter(file, {
        onDropped: (lines) => registry.counters.addTotal(BalancerCell.logLinesDropped, lines),
        onBroken: (error) => {
          // The log goes to standard output too, so that an error there cannot be reported.
          if (file !== '') log.error(`Access log: ${file} cannot be written: ${error.message}`)
        }
      })
      fastify.addHook('onClose', () => writer.end())
      return new Log(config.accessLog!, writer)
    }
  },
  { name: 'access-log', dependencies: ['backend-registry', 'tracing'] }
)
