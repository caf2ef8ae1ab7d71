import type { RouteFilters, RouteMatch } from './options.js'

/** Nothing is asked of a request. */
export const ALL_REQUESTS: RouteMatch = {
  hosts: [],
  paths: [],
  methods: [],
  headers: [],
  query: [],
  clients: undefined,
  ports: [],
  tlsNames: []
}

/** Nothing is changed on the way. */
export const NO_FILTERS: RouteFilters = {
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
