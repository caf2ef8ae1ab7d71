import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { targetOf } from '../lib/base/http/request-target.js'
import type { Config } from '../lib/config/load.js'
import { requestId } from '../lib/listener/request-id.js'
import { AccessLog } from '../lib/observe/access-log/access-log.js'
import { LineWriter } from '../lib/observe/access-log/line-writer.js'
import { BalancerCell } from '../lib/pool/counters.js'
import { whenLocalReplyEnds } from '../lib/proxy/ended-request.js'
import type { Failure } from '../lib/proxy/failure.js'
import type { ClientStream } from '../lib/proxy/response/client-stream.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined if there is none. */
    accessLog: AccessLog | undefined
    /**
     * Logs a request that no backend is asked for, and records it as a span, once it is answered: with a failure, or
     * what OPTIONS asks for. Undefined if neither is wanted.
     */
    recordLocalReply: ((req: IncomingMessage, res: ClientStream, failure?: Failure) => void) | undefined
  }
}

/** Has a line written for each request that is to have one, whoever answers it. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { registry, log, tracing } = fastify
    const accessLog = config.accessLog && openLog()
    fastify.decorate('accessLog', accessLog)
    fastify.decorate('recordLocalReply', accessLog || tracing?.hasSpans ? recordLocalReply : undefined)

    function recordLocalReply(req: IncomingMessage, res: ClientStream, failure?: Failure): void {
      const target = targetOf(req)
      const trace = tracing?.begin(req, target)
      const trusted = config.trustedProxies
      const by = { target, requestId: requestId(req), forwarded: false, trusted, trace }
      whenLocalReplyEnds(req, res, by, failure, (ended) => {
        accessLog?.record(ended)
        trace?.end(ended)
      })
    }

    function openLog(): AccessLog {
      const { file } = config.accessLog!
      const writer = new LineWriter(file, {
        onDropped: (lines) => registry.counters.addTotal(BalancerCell.logLinesDropped, lines),
        onBroken: (error) => {
          // What cannot be told there cannot be told of it there either.
          if (file !== '') log.error(`Access log: ${file} cannot be written: ${error.message}`)
        }
      })
      fastify.addHook('onClose', () => writer.end())
      return new AccessLog(config.accessLog!, writer)
    }
  },
  { name: 'access-log', dependencies: ['backend-registry', 'tracing'] }
)
