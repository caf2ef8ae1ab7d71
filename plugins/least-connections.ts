import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { policyOf } from '../lib/balancing/algorithms.js'
import { keyReader } from '../lib/balancing/hash-key.js'
import { Selector } from '../lib/balancing/selector.js'
import { Sessions, stickyPolicy } from '../lib/balancing/sticky.js'
import { isInRanges } from '../lib/base/values/values.js'
import type { Config } from '../lib/config/load.js'
import { TracedExchange } from '../lib/observe/tracing/traced-exchange.js'
import { BalancerCell } from '../lib/pool/counters.js'
import { Deadlines } from '../lib/proxy/deadlines.js'
import { Exchange } from '../lib/proxy/exchange.js'
import { NO_BACKEND, QUEUE_FULL } from '../lib/proxy/failure.js'
import type { Forwarding } from '../lib/proxy/forwarding.js'
import { checkRequest } from '../lib/proxy/request/request-check.js'
import { outgoingRequest } from '../lib/proxy/request/request-head.js'
import type { ClientStream } from '../lib/proxy/response/client-stream.js'
import type { Http1Response } from '../lib/proxy/response/http1-response.js'
import { ResponseTimeouts } from '../lib/proxy/response-timeouts.js'
import { Outage } from '../lib/proxy/retry/outage.js'
import { RetryBudget } from '../lib/proxy/retry/retry-budget.js'
import { WaitingQueue } from '../lib/proxy/retry/waiting-queue.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Chooses a backend for a request and takes a slot on it, which passes to the exchange; answers the request, and
     * returns nothing, if it cannot be passed on or no backend is eligible.
     * @param upgrade the protocols that it offers to change to
     */
    openExchange(
      req: IncomingMessage,
      res: ClientStream,
      target: string,
      id: string,
      upgrade?: string
    ): Exchange | undefined
  }
  interface FastifyRequest {
    /** The exchange with the chosen backend; null outside the proxied routes. */
    exchange: Exchange | null
  }
}

/** Quantile of the latencies after which a second backend is asked, and how seldom that is looked up. */
const HEDGE_PERCENT = 95
const HEDGE_UPDATE_MS = 1000

/** Chooses a backend for each request of its scope, takes a slot on it, and leaves the exchange on the request. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const {
      registry,
      latency,
      requestMetrics: metrics,
      accessLog,
      tracing,
      outlierDetector,
      unresponsiveDetector
    } = fastify
    const { counters } = registry
    const { limits, forwarded, trustedProxies: trusted, resilience } = config
    const timeouts = new ResponseTimeouts(config.responseTimeoutMs)
    const deadlines = new Deadlines()
    fastify.addHook('onClose', async () => {
      timeouts.stop()
      deadlines.stop()
    })
    const { algorithm, hashKey, sticky } = config.balancing
    const sessions = sticky && new Sessions(registry.backends, sticky)
    if (sticky?.secret === '')
      fastify.log.warn('LB_STICKY_SECRET is not set: sessions may move to other backends at each start')
    const unbound = policyOf(algorithm, keyReader(hashKey, trusted))
    const policy = sessions ? stickyPolicy(sessions, unbound) : unbound
    const selector = new Selector(registry.backends, policy)
    const budget = new RetryBudget(counters, resilience.retryBudget)
    const queue = new WaitingQueue(counters, {
      size: resilience.queueSize,
      timeoutMs: resilience.queueTimeoutMs
    })
    const outage = new Outage(counters, {
      size: resilience.queueSize,
      timeoutMs: resilience.outageTimeoutMs
    })
    const Kind = tracing?.hasSpans ? TracedExchange : Exchange
    let hedgeAfterMs = 0
    let hedgeSetMs = 0
    const forwarding: Forwarding = {
      registry,
      latency,
      metrics,
      accessLog,
      timeouts,
      deadlines,
      selector,
      sessions,
      trusted,
      unresponsiveDetector,
      budget,
      queue,
      outage,
      maxBodyBytes: limits.bodyBytes,
      bodyTimeoutMs: limits.bodyTimeoutMs,
      retries: resilience.retries,
      get hedgeAfterMs() {
        return hedgeAfterMs
      },
      isRetriedStatus: (statusCode) => isInRanges(resilience.retryStatus, statusCode),
      onAnswer: (backend, statusCode, latencyMs, nowMs) => {
        backend.hasAnsweredSincePulse = true
        metrics.durationsOf(backend.id).observe(latencyMs / 1000)
        // How fast it fails says nothing of how fast it answers.
        if (isServerError(statusCode)) outlierDetector.onError(backend)
        else policy.onLatency?.(backend, latencyMs, nowMs)
      },
      onComplete: (backend, statusCode) => {
        if (!isServerError(statusCode)) outlierDetector.onSuccess(backend)
      },
      onFault: (backend, fault, isReused) => {
        const { failure, detail, missing, unreachable, connectionLost, unprocessed, takesNothing } = fault
        if (missing) {
          fastify.shortages.record(missing, 'backends')
          return
        }
        registry.reportFailure(backend, failure.code, detail, unreachable)
        // That takes it out by itself.
        if (unreachable) return
        if (connectionLost || takesNothing) outlierDetector.onLoss(backend, isReused || takesNothing)
        // A connection at its end is nobody's fault.
        else if (!unprocessed) outlierDetector.onError(backend)
      }
    }
    registry.on('tick', (nowMs) => {
      if (resilience.hedge && nowMs >= hedgeSetMs + HEDGE_UPDATE_MS) {
        hedgeSetMs = nowMs
        hedgeAfterMs = latency.quantileMs(HEDGE_PERCENT)
      }
      policy.tick?.(nowMs)
      budget.tick(nowMs)
      queue.tick(nowMs)
      outage.tick(nowMs)
      const lateMs = Math.min(
        unresponsiveDetector?.afterMs || Number.POSITIVE_INFINITY,
        hedgeAfterMs || Number.POSITIVE_INFINITY
      )
      if (lateMs < Number.POSITIVE_INFINITY) timeouts.tellLate(nowMs, lateMs)
    })
    const letGo = () => {
      queue.serve()
      outage.end()
    }
    registry.on('state', letGo).on('rotation', letGo)
    const takeBackends = () => {
      selector.setBackends(registry.backends)
      sessions?.setBackends(registry.backends)
      letGo()
    }
    registry.on('added', takeBackends).on('reconfigured', takeBackends)
    registry.on('removed', (backend) => {
      policy.forget?.(backend)
      takeBackends()
    })

    fastify.decorate('openExchange', (req, res, target, id, upgrade) => {
      const destination = checkRequest(req, target, limits)
      if ('statusCode' in destination) {
        fastify.rejectRequest(req, res, destination, BalancerCell.rejectedRequest)
        return undefined
      }
      // Who waits already goes first.
      const backend = queue.isBlocked ? undefined : selector.select(req)
      if (backend) {
        backend.acquire()
      } else if (!selector.canWait() && !outage.takes(registry.tickMs, registry.tickMs)) {
        fastify.rejectRequest(req, res, NO_BACKEND, BalancerCell.rejectedNoBackend)
        return undefined
      } else if (queue.isFull) {
        fastify.rejectRequest(req, res, QUEUE_FULL, BalancerCell.rejectedQueueFull)
        return undefined
      }
      const by = { target, requestId: id, forwarded, trusted, trace: tracing?.begin(req, target) }
      const request = outgoingRequest(req, destination, by, resilience.retryBufferBytes, upgrade)
      return new Kind(req, res, request, backend, by, forwarding)
    })
    fastify.decorateRequest('exchange', null)
    fastify.addHook('onRequest', (request, reply, done) => {
      const { raw, originalUrl, id } = request
      const exchange = fastify.openExchange(raw, reply.raw as Http1Response, originalUrl, id)
      if (exchange) {
        request.exchange = exchange
        done()
      } else {
        reply.hijack()
      }
    })
  },
  {
    name: 'least-connections',
    dependencies: [
      'backend-registry',
      'passive-health',
      'statistics',
      'metrics',
      'access-log',
      'local-replies'
    ]
  }
)

/** Whether a status says that the backend is not well, and not that it cannot do what was asked. */
function isServerError(statusCode: number): boolean {
  return statusCode >= 500 && statusCode !== 501 && statusCode !== 505
}
