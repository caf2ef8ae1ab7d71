/** How much there is of what. */
export interface Sizes {
  readonly routes: number
  readonly pools: number
  readonly hosts: number
}

/** Pools of the same backends that are others after each reload, and routes that have moved to other pools. */
const NEW_POOLS_SHARE = 0.05
const CHANGED_POOLS_SHARE = 0.1
const ALGORITHMS = ['least-connections', 'peak-ewma', 'round-robin', 'p2c'] as const

/** A route's path, which shows which host and pool it is for. */
export const targetOf = (route: number) => `/app-${route}/x`
export const hostOf = (route: number, { hosts }: Sizes) => `host-${route % hosts}.example`

/**
 * The configuration after so many reloads: some pools have been replaced by new ones, some have other settings, and the
 * routes lead to the pools in another order.
 */
export function contentAfter(
  reloads: number,
  sizes: Sizes,
  backends: readonly string[]
): { readonly pools: object; readonly routes: readonly object[] } {
  const { routes, pools } = sizes
  const renewed = Math.ceil(pools * NEW_POOLS_SHARE)
  const names = Array.from({ length: pools }, (_, i) => (i < renewed ? `pool-${i}-${reloads}` : `pool-${i}`))
  const settings = (i: number) => {
    const isChanged = (i + reloads) % Math.round(1 / CHANGED_POOLS_SHARE) === 0
    return { backends, algorithm: ALGORITHMS[isChanged ? reloads % ALGORITHMS.length : 0] }
  }
  return {
    pools: Object.fromEntries(names.map((name, i) => [name, settings(i)])),
    routes: Array.from({ length: routes }, (_, i) => ({
      name: `app-${i}`,
      match: { host: hostOf(i, sizes), 'path-prefix': `/app-${i}` },
      pool: names[(i + reloads) % pools]
    }))
  }
}
