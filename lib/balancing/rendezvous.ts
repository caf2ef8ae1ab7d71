import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'
import { isCandidate, type Policy } from './policy.js'

const SPAN = 2 ** 32

/**
 * Weighted rendezvous hashing: each backend has a score from the key, its address and its weight, and the highest wins.
 * When a backend is removed, only its keys move, to all others in proportion to weight; when it is back, they return
 * (Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998).
 * @param keyOf undefined or empty for a request without a key
 * @param fallback chooses for requests without a key
 */
export function rendezvousPolicy(
  keyOf: (req: IncomingMessage) => string | undefined,
  fallback: Policy
): Policy {
  const seeds = new Map<Backend, number>()

  const seedOf = (backend: Backend): number => {
    const cached = seeds.get(backend)
    if (cached !== undefined) return cached
    const seed = hashText(backend.address)
    seeds.set(backend, seed)
    return seed
  }

  return {
    choose(backends, req, tried) {
      const key = keyOf(req)
      // An empty key identifies nobody: all such requests would go to one backend.
      if (!key) return fallback.choose(backends, req, tried)
      const hash = hashText(key)
      let best: Backend | undefined
      let bestScore = 0
      for (const backend of backends) {
        if (!isCandidate(backend, tried)) continue
        // Uniform in (0, 1). Its negative logarithm is exponentially distributed, at a rate that weight scales.
        const uniform = (mix(hash ^ seedOf(backend)) + 0.5) / SPAN
        const score = backend.effectiveWeight / -Math.log(uniform)
        if (best !== undefined && score <= bestScore) continue
        best = backend
        bestScore = score
      }
      return best
    },

    forget(backend) {
      seeds.delete(backend)
    }
  }
}

/** FNV-1a over the UTF-16 code units, mixed: an unsigned 32-bit integer. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/** The finalizer of MurmurHash3: each input bit affects about half of the output bits. */
function mix(bits: number): number {
  let hash = bits
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
