import { ALL_REQUESTS } from './catch-all.js'
import type { PathMatch, RouteOptions } from './options.js'
import { isPlain } from './paths/normal-form.js'
import { RouteTable } from './route-table.js'
import type { RoutedRequest } from './routed-request.js'

const REQUEST: Omit<RoutedRequest, 'target'> = {
  method: 'GET',
  host: undefined,
  headers: {},
  clientAddress: '127.0.0.1',
  localPort: 80,
  tlsName: undefined
}

/**
 * The paths of a route by which no request can match, as each that has one is ambiguous: a reading of it is no path of the
 * route itself, so that it is refused whatever other routes there are.
 */
export function unmatchedPaths(route: RouteOptions): string[] {
  const { paths } = route.match
  if (!paths.some((path) => path.kind !== 'regexp' && !isPlain(path.path))) return []
  const alone = new RouteTable([{ ...route, match: { ...ALL_REQUESTS, paths } }])
  const isRefused = (path: PathMatch) =>
    path.kind !== 'regexp' && alone.match({ ...REQUEST, target: path.path }) === 'ambiguous-path'
  // A path below a prefix may have readings that are all of the route, if it has another path that is not ambiguous.
  const hasOther = !paths.every(isRefused)
  return paths.flatMap((path) =>
    path.kind !== 'regexp' && isRefused(path) && !(path.kind === 'prefix' && hasOther) ? [path.path] : []
  )
}
