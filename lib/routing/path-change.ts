import { prefixOf } from './matching/candidate.js'
import type { PathChange, PathMatch, PathReading } from './options.js'
import { withoutDotSegments } from './paths/dot-segments.js'
import { isPlain, pathOf } from './paths/normal-form.js'
import { mayClimb } from './readings.js'

/** By what a route matched: what is known of a path that is changed. */
export interface PathOrigin {
  readonly route: { readonly paths: PathReading }
  readonly path: PathMatch | undefined
}

/**
 * A target with its path changed, and its query kept. `*` names no path, and stays.
 *
 * A prefix is cut from the normal form (RFC 3986 section 6.2.2), what is left keeps its encoding, and begins with exactly
 * one `/` unless nothing is left. An exact path is cut whole; of a regular expression, or without a condition on the
 * path, nothing is cut. Of a route that reads paths raw, the prefix is cut from what the client sent.
 * @returns undefined if the route is strict and some server may read what is left as a path that leads out of the prefix
 */
export function rewritten(target: string, origin: PathOrigin, change: PathChange): string | undefined {
  if (!target.startsWith('/')) return target
  const path = pathOf(target)
  const query = target.slice(path.length)
  if (change.kind === 'full') return change.path + query
  const rest = restOf(path, origin)
  if (origin.route.paths === 'strict' && !isPlain(rest) && mayClimb(rest)) return undefined
  return (change.replacement.replace(/\/+$/, '') + rest || '/') + query
}

function restOf(path: string, { route, path: match }: PathOrigin): string {
  if (match?.kind === 'exact') return ''
  const cut = route.paths === 'raw' || isPlain(path) ? path : withoutDotSegments(path)
  // Segments are counted, as those of the prefix may be encoded in the request.
  const segments = prefixOf(match).split('/').length
  let start = 0
  for (let count = 1; count < segments && start !== -1; count++) start = cut.indexOf('/', start + 1)
  return start === -1 ? '' : cut.slice(start).replace(/^\/+/, '/')
}
