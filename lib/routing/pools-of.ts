import type { RouteAction, WeightedPool } from './options.js'

/** The pools that an action leads to, with their shares; none if the balancer answers itself. */
export function weightedPoolsOf(action: RouteAction): readonly WeightedPool[] {
  if (action.kind === 'pool') return [{ pool: action.pool, weight: 1 }]
  return action.kind === 'split' ? action.pools : []
}

/** The names of the pools that an action leads to. */
export function poolsOf(action: RouteAction): string[] {
  return weightedPoolsOf(action).map(({ pool }) => pool)
}
