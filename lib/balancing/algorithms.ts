import type { IncomingMessage } from 'node:http'
import { leastConnectionsPolicy } from './least-connections.js'
import type { Algorithm } from './options.js'
import { peakEwmaPolicy } from './peak-ewma.js'
import type { Policy, Random } from './policy.js'
import { randomPolicy } from './random.js'
import { rendezvousPolicy } from './rendezvous.js'
import { roundRobinPolicy } from './round-robin.js'
import { twoChoicesPolicy } from './two-choices.js'

/**
 * The policy of an algorithm.
 * @param keyOf the key of a request for `hash`; undefined if it has none
 * @param random uniform in [0, 1)
 */
export function policyOf(
  algorithm: Algorithm,
  keyOf: (req: IncomingMessage) => string | undefined,
  random: Random = Math.random
): Policy {
  switch (algorithm) {
    case 'least-connections':
      return leastConnectionsPolicy(random)
    case 'peak-ewma':
      return peakEwmaPolicy(random)
    case 'p2c':
      return twoChoicesPolicy(random)
    case 'round-robin':
      return roundRobinPolicy()
    case 'random':
      return randomPolicy(random)
    case 'hash':
      return rendezvousPolicy(keyOf, leastConnectionsPolicy(random))
  }
}
