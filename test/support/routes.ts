import type { RouteAction, RouteFilters, RouteOptions } from '../../lib/routing/options.js'

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

const TO_WEB: RouteAction = { kind: 'pool', pool: 'web' }

/** A route for all requests, to the pool `web` unless it does something else, with some filters. */
export function routeWith(filters: Partial<RouteFilters>, action = TO_WEB): RouteOptions {
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
    action,
    filters: { ...NO_FILTERS, ...filters }
  }
}
