import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { BlockList } from 'node:net'
import type { Policy } from '../../lib/balancing/policy.js'
import type { StickyConfig } from '../../lib/balancing/sticky-options.js'
import type { Backend } from '../../lib/pool/backend.js'
import { BackendCell } from '../../lib/pool/cells.js'
import type { Registry } from '../../lib/pool/registry.js'

/** A cookie that keeps clients on their backends, as it is by default. */
export const STICKY: StickyConfig = {
  cookie: 'lb',
  pool: '',
  secret: 'the same for all balancers',
  maxAgeMs: 0,
  path: '/',
  domain: '',
  sameSite: 'Lax',
  secure: 'auto',
  isHttpOnly: true,
  isPartitioned: false
}

/** Nobody is trusted. */
export const NOBODY = new BlockList()

/** A request as selection sees it. */
export function requestWith(
  headers: IncomingHttpHeaders = {},
  more: { url?: string; originalUrl?: string; remoteAddress?: string } = {}
): IncomingMessage {
  const { remoteAddress = '192.0.2.1', ...rest } = more
  return { headers, url: '/', ...rest, socket: { remoteAddress } } as unknown as IncomingMessage
}

/** Sets how many requests each backend has in flight. */
export function busy(registry: Registry, ...active: number[]): Registry {
  registry.backends.forEach(({ counters }, i) => {
    counters.change(BackendCell.active, active[i]! - counters.sum(BackendCell.active))
  })
  return registry
}

/** The ids of the backends that a policy chooses one after another, none of them any busier by that. */
export function picks(policy: Policy, backends: readonly Backend[], count: number): number[] {
  return Array.from({ length: count }, () => policy.choose(backends, requestWith())!.id)
}

/** How often each id is among them. */
export function tally(ids: readonly number[], size: number): number[] {
  const counts = Array<number>(size).fill(0)
  for (const id of ids) counts[id]!++
  return counts
}

/**
 * χ² of counts against shares in proportion to weights. With three degrees of freedom, one in a thousand right
 * implementations exceeds 16.27.
 */
export function chiSquare(counts: readonly number[], weights: readonly number[]): number {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
  return counts.reduce((total, count, i) => {
    const expected = (sum(counts) * weights[i]!) / sum(weights)
    return total + (count - expected) ** 2 / expected
  }, 0)
}
