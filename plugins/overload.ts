import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/counters.js'
import { isRefused, refuseRest } from '../lib/forward/client-connection.js'
import { EXPECTATION_FAILED, OVERLOADED, UNKNOWN_METHOD } from '../lib/forward/failure.js'
import { answerRaw } from '../lib/forward/raw-answer.js'
import { isOwnTarget } from '../lib/forward/target.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether there is no room for one more request: it is then answered, and counted. */
    refusedForOverload(req: IncomingMessage, res: ServerResponse): boolean
  }
}

/** Those of HTTP and its extensions: Node's parser knows those of RTSP too. */
const KNOWN_METHODS = new Set(METHODS)

/**
 * Bounds the requests in flight. One too many is answered before Fastify sees it. The balancer's own paths stay open,
 * as overload is when one looks at them.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, registry } = fastify
    const { maxConnections } = config
    const { counters } = registry

    const refusedForOverload = (req: IncomingMessage, res: ServerResponse) => {
      if (counters.get(BalancerCell.inFlight) < maxConnections) return false
      counters.addTotal(BalancerCell.rejectedOverload, 1)
      answerRaw(req, res, OVERLOADED)
      return true
    }
    fastify.decorate('refusedForOverload', refusedForOverload)

    const [route] = server.listeners('request') as ((req: IncomingMessage, res: ServerResponse) => void)[]
    const accept = (req: IncomingMessage, res: ServerResponse) => {
      const { socket } = req
      if (isRefused(socket)) return
      // What a client sends behind its last request is none (RFC 9112 section 9.6).
      if (!res.shouldKeepAlive) refuseRest(socket)
      if (!KNOWN_METHODS.has(req.method!)) answerRaw(req, res, UNKNOWN_METHOD)
      else if (isOwnTarget(req.url!) || !refusedForOverload(req, res)) route!(req, res)
    }
    server.removeAllListeners('request')
    server.on('request', accept)
    // Whether a body is to come is for the backend to say.
    server.on('checkContinue', (req, res) => {
      if (isOwnTarget(req.url!)) res.writeContinue()
      accept(req, res)
    })
    server.on('checkExpectation', (req, res) => {
      if (!isRefused(req.socket)) answerRaw(req, res, EXPECTATION_FAILED)
    })
  },
  { name: 'overload', dependencies: ['backend-registry'] }
)
