import type { RouteFilters, RouteOptions } from '../../lib/routing/options.js'

const NO_FILTERS: RouteFilters = {
  rewriteHost: undefined,
  rewritePath: undefined,
  requestHeaders: undefined,
  responseHeaders: undefined,
  mirror: undefined,
  timeoutMs: undefined,
  retries: undefined,
  maxBodyBytes: undefined,
  rateLimit: undefined,
  allow: undefined,
  deny: undefined,
  errors: []
}

/** A route for all requests, to the pool `web`, with some filters. */
export function routeWith(filters: Partial<RouteFilters>): RouteOptions {
  return {
    name: 'all',
    match: {
      hosts: [],
      paths: [],
      methods: [],
      headers: [],
      query: [],
      clients: undefined,
      ports: [],
      tlsNames: []
    },
    paths: 'strict',
    action: { kind: 'pool', pool: 'web' },
    filters: { ...NO_FILTERS, ...filters }
  }
}
