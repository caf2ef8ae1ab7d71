import { STATUS_CLASSES } from '../../base/http/status-class.js'
import { MIRROR_OUTCOMES } from '../../proxy/mirror/mirror-counts.js'
import type { RouteCounts } from '../../proxy/route/route-counts.js'
import type { ShownRoute } from '../shown-route.js'
import type { Sample } from './samples.js'

/** Routes with a label of their own, by their order in the file: each takes up to six series. */
const MAX_ROUTES = 1000
/** The label of all others together. */
const OTHERS = '(others)'

/** How many requests of each route ended how. */
export function routeSamples(routes: readonly ShownRoute[]): Sample[] {
  return samplesOf(routes, 'code', STATUS_CLASSES, ({ byClass }) => byClass)
}

/** What has become of the requests that were to go to a further pool as well. */
export function mirrorSamples(routes: readonly ShownRoute[]): Sample[] {
  return samplesOf(routes, 'result', MIRROR_OUTCOMES, ({ mirrors }) => mirrors)
}

/**
 * The counts of each route that are not 0.
 * @param label what tells the counts of a route apart, by the values that it has
 * @param read the counts, in the order of these values
 */
function samplesOf(
  routes: readonly ShownRoute[],
  label: string,
  values: readonly string[],
  read: (counts: RouteCounts) => ArrayLike<number>
): Sample[] {
  const of = (route: string, counts: ArrayLike<number>) =>
    values.flatMap((value, i) =>
      counts[i] === 0 ? [] : [{ labels: { route, [label]: value }, value: counts[i]! }]
    )
  const others = values.map(() => 0)
  for (const route of routes.slice(MAX_ROUTES)) {
    const counts = read(route.counts)
    for (let i = 0; i < others.length; i++) others[i]! += counts[i]!
  }
  return [
    ...routes.slice(0, MAX_ROUTES).flatMap(({ name, counts }) => of(name, read(counts))),
    ...of(OTHERS, others)
  ]
}
