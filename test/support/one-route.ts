import type { Test } from 'tap'
import { type Balancer, startRoutes } from '../helper.js'

/**
 * Starts a balancer with one route, as a file has it, for all requests: to the pool `web` of these backends, unless it does
 * something else.
 */
export function startWithRoute(
  t: Test,
  backends: readonly { readonly address: string }[],
  route: object,
  env: Readonly<Record<string, string>> = {}
): Promise<Balancer> {
  const doesElse = ['redirect', 'respond', 'split'].some((key) => key in route)
  const pools = { web: { backends: backends.map(({ address }) => address) } }
  return startRoutes(t, { pools, routes: [{ ...(doesElse ? {} : { pool: 'web' }), ...route }] }, env)
}
