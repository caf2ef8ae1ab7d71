import { CODE_CLASSES } from '../../proxy/route/route-counts.js'
import type { ShownRoute } from '../shown-route.js'
import type { Sample } from './samples.js'

/** Routes with a label of their own, by their order in the file: each takes up to six series. */
const MAX_ROUTES = 1000
/** The label of all others together. */
const OTHERS = '(others)'

/** How many requests of each route ended how. */
export function routeSamples(routes: readonly ShownRoute[]): Sample[] {
  const samples = routes.slice(0, MAX_ROUTES).flatMap(({ name, counts: { byClass } }) => of(name, byClass))
  const others = new Float64Array(CODE_CLASSES.length)
  for (const { counts } of routes.slice(MAX_ROUTES))
    for (let i = 0; i < others.length; i++) others[i]! += counts.byClass[i]!
  return [...samples, ...of(OTHERS, others)]
}

/** What has become of the requests that were to go to a further pool as well. */
export function mirrorSamples(routes: readonly ShownRoute[]): Sample[] {
  const samples = routes.slice(0, MAX_ROUTES).flatMap(({ name, counts }) => ofMirror(name, resultsOf(counts)))
  const others: Results = [0, 0, 0]
  for (const { counts } of routes.slice(MAX_ROUTES))
    for (const [i, count] of resultsOf(counts).entries()) others[i]! += count
  return [...samples, ...ofMirror(OTHERS, others)]
}

/** In the order of `RESULTS`. */
type Results = [number, number, number]

const RESULTS = ['answered', 'failed', 'skipped'] as const

function resultsOf({ mirrorsAnswered, mirrorsFailed, mirrorsSkipped }: ShownRoute['counts']): Results {
  return [mirrorsAnswered, mirrorsFailed, mirrorsSkipped]
}

function ofMirror(route: string, results: Results): Sample[] {
  return RESULTS.flatMap((result, i) => {
    const value = results[i]!
    return value === 0 ? [] : [{ labels: { route, result }, value }]
  })
}

function of(route: string, byClass: Float64Array): Sample[] {
  return CODE_CLASSES.flatMap((code, i) => {
    const value = byClass[i]!
    return value === 0 ? [] : [{ labels: { route, code }, value }]
  })
}
