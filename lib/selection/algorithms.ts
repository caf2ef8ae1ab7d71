import type { BlockList } from 'node:net'
import type { BalancingConfig } from '../config/balancing.js'
import { keyReader } from './hash-key.js'
import { leastConnectionsPolicy } from './least-connections.js'
import { peakEwmaPolicy } from './peak-ewma.js'
import type { Policy, Random } from './policy.js'
import { randomPolicy } from './random.js'
import { rendezvousPolicy } from './rendezvous.js'
import { roundRobinPolicy } from './round-robin.js'
import { twoChoicesPolicy } from './two-choices.js'

/**
 * The policy that is configured.
 * @param trusted proxies whose word on a client's address is taken
 */
export function policyOf(
  { algorithm, hashKey }: Pick<BalancingConfig, 'algorithm' | 'hashKey'>,
  trusted: BlockList,
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
      return rendezvousPolicy(keyReader(hashKey, trusted), leastConnectionsPolicy(random))
  }
}
