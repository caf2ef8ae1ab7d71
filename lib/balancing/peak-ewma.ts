import type { Backend } from '../pool/backend.js'
import { BackendCell } from '../pool/cells.js'
import { isCandidate, type Policy, type Random } from './policy.js'

/** Time constant of the average: after this time a latency has 1/e of its weight, so a slow response counts only briefly. */
const DECAY_MS = 500
/** How long a request without a response keeps the average from decaying. */
const MAX_WAIT_MS = 1000
/** Assumed latency of a backend that has not responded yet: once it has a request, others are preferred. */
const UNKNOWN_MS = 1e6
/** Lower bound of an average, so that requests in flight always count. */
const MIN_MS = 0.001

interface Average {
  latencyMs: number
  /** The time up to which it has decayed. */
  atMs: number
  /** Requests to the backend, as of the latest tick. */
  requests: number
  /** The tick that saw the latest of them. */
  lastRequestMs: number
  /** When it last responded. */
  lastResponseMs: number
}

/**
 * Peak EWMA, as in Finagle: the candidate with the lowest average latency times requests in flight (the new one
 * included), over its weight. The average is exponentially weighted by time, rises at once to a higher latency, and falls
 * slowly. It decays while the backend gets no requests, so that one that was slow is tried again. A backend that was
 * not eligible starts without an average.
 */
export function peakEwmaPolicy(random: Random): Policy {
  const averages = new Map<Backend, Average>()

  const cost = (backend: Backend): number => {
    const average = averages.get(backend)
    const { load, effectiveWeight } = backend
    if (average) return (average.latencyMs * (load + 1)) / effectiveWeight
    return load === 0 ? 0 : (UNKNOWN_MS * load) / effectiveWeight
  }

  return {
    choose(backends, _req, tried) {
      let best: Backend | undefined
      let bestCost = 0
      let tiedWeight = 0
      for (const backend of backends) {
        if (!isCandidate(backend, tried)) continue
        const own = cost(backend)
        const weight = backend.effectiveWeight
        if (best === undefined || own < bestCost) {
          best = backend
          bestCost = own
          tiedWeight = weight
        } else if (own === bestCost) {
          tiedWeight += weight
          if (random() * tiedWeight < weight) best = backend
        }
      }
      return best
    },

    onLatency(backend, latencyMs, nowMs) {
      if (backend.isRemoved) return
      const average = averages.get(backend)
      if (!average) {
        const requests = requestsTo(backend)
        averages.set(backend, {
          latencyMs,
          atMs: nowMs,
          requests,
          lastRequestMs: nowMs,
          lastResponseMs: nowMs
        })
        return
      }
      average.lastResponseMs = nowMs
      decayTowards(average, latencyMs, nowMs)
      if (latencyMs > average.latencyMs) average.latencyMs = latencyMs
    },

    forget(backend) {
      averages.delete(backend)
    },

    tick(nowMs) {
      for (const [backend, average] of averages) {
        const requests = requestsTo(backend)
        if (!backend.eligible) {
          // Decayed over that time, it would attract too many requests on its return.
          average.atMs = nowMs
          if (backend.active === 0) averages.delete(backend)
        } else if (requests !== average.requests) {
          average.requests = requests
          average.lastRequestMs = nowMs
        } else if (
          average.lastResponseMs >= average.lastRequestMs ||
          nowMs >= average.lastRequestMs + MAX_WAIT_MS
        ) {
          decayTowards(average, 0, nowMs)
        } else {
          average.atMs = nowMs
        }
      }
    }
  }
}

function decayTowards(average: Average, latencyMs: number, nowMs: number): void {
  const kept = Math.exp(Math.min(0, average.atMs - nowMs) / DECAY_MS)
  average.latencyMs = Math.max(MIN_MS, average.latencyMs * kept + latencyMs * (1 - kept))
  average.atMs = nowMs
}

function requestsTo({ counters }: Backend): number {
  return counters.total(BackendCell.total)
}
