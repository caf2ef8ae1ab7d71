import { contentAfter, hostOf, type Sizes } from '../reload/file'
import { fairleadOfFile } from './fairlead'
import { nginxConfiguration, nginxWith, PASSED_ON } from './nginx'
import type { Peer } from './peer'

/** What the load asks for in turn; `wrk-routes.lua` knows it as well. */
export const ROUTES: Sizes = { routes: 1000, pools: 1, hosts: 100 }

/** Everything else, and the first request of a run. */
const CATCH_ALL = { pool: 'pool-0-0' }

/** The same balancer with one route, which takes everything. */
export const oneRoute = fairleadOfFile('one-route', 'routes', ({ backends }) => ({
  pools: { 'pool-0-0': { backends } },
  routes: [CATCH_ALL]
}))

/** The same with a route for each path that is asked for. */
export const manyRoutes = fairleadOfFile('many-routes', 'routes', ({ backends }) => {
  const { pools, routes } = contentAfter(0, ROUTES, backends)
  return { pools, routes: [...routes, CATCH_ALL] }
})

/** nginx with a server for each host, and a location for each path. */
export const nginxRoutes: Peer = {
  ...nginxWith((place) =>
    nginxConfiguration(place, { errorLevel: 'error', location: PASSED_ON, servers: serversOf })
  ),
  name: 'nginx-routes',
  workload: 'routes'
}

function serversOf(port: number, location: (path: string) => string): string {
  return Array.from({ length: ROUTES.hosts }, (_, host) => {
    const locations = Array.from({ length: ROUTES.routes }, (_, route) => route)
      .filter((route) => hostOf(route, ROUTES) === hostOf(host, ROUTES))
      .map((route) => location(`/app-${route}/`))
    return `server { listen 127.0.0.1:${port}; server_name ${hostOf(host, ROUTES)}; ${locations.join('\n')} }`
  }).join('\n')
}
