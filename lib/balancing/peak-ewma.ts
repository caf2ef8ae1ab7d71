import type { Backend } from '../pool/backend.js'
import { BackendCell } from '../pool/counters.js'
import { isCandidate, type Policy, type Random } from './policy.js'

/** In which a latency loses all but 1/e of its weight in the average: one slow answer costs a backend no more than moments. */
const DECAY_MS = 500
/** How long the average waits for the answer to a request before it decays all the same. */
const MAX_WAIT_MS = 1000
/** What a backend is taken to need that has answered nothing yet: others go before it once it has one request. */
const UNKNOWN_MS = 1e6
/** An average decays to no less, so that requests in flight always count. */
const MIN_MS = 0.001

interface Average {
  latencyMs: number
  /** Up to when it has decayed. */
  atMs: number
  /** Requests to the backend up to the latest tick. */
  requests: number
  /** The tick up to which the latest of them was made. */
  lastRequestMs: number
  /** When it answered last. */
  lastResponseMs: number
}

/**
 * The candidate whose next answer is expected soonest: its average latency times the requests that it would then have in
 * flight, for its weight. The average forgets by time, follows a rise at once and a fall slowly (peak EWMA, as Finagle
 * has it), and while nothing is asked of a backend it decays, so that one that was slow is tried again. One that was away
 * is unknown when it comes back.
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
          // Decayed for as long as it is away, it would draw a crowd as soon as it is back.
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
