import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'
import { isCandidate, type Policy } from './policy.js'

const SPAN = 2 ** 32

/**
 * Weighted rendezvous hashing: each backend draws a number from the key and its own address, and the best goes. When a
 * backend goes, only its keys move, in proportion to weight to all others; when it comes back, they return (Thaler and
 * Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998).
 * @param keyOf undefined or empty for a request that has no key
 * @param fallback chooses for those
 */
export function rendezvousPolicy(
  keyOf: (req: IncomingMessage) => string | undefined,
  fallback: Policy
): Policy {
  const seeds = new Map<Backend, number>()

  const seedOf = (backend: Backend): number => {
    const known = seeds.get(backend)
    if (known !== undefined) return known
    const seed = hashText(backend.address)
    seeds.set(backend, seed)
    return seed
  }

  return {
    choose(backends, req, tried) {
      const key = keyOf(req)
      // An empty one says nothing of who asks, and would bring all those to one backend.
      if (!key) return fallback.choose(backends, req, tried)
      const hash = hashText(key)
      let best: Backend | undefined
      let bestScore = 0
      for (const backend of backends) {
        if (!isCandidate(backend, tried)) continue
        // Uniform in (0, 1); the negative logarithm is the waiting time of a draw, which weight shortens.
        const drawn = (mix(hash ^ seedOf(backend)) + 0.5) / SPAN
        const score = backend.effectiveWeight / -Math.log(drawn)
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

/** FNV-1a over the characters, mixed: 32 bits, without a sign. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/** The last step of MurmurHash3: each bit of the input changes about half of the output's. */
function mix(bits: number): number {
  let hash = bits
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
