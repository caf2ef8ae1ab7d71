export const count = (description: string) => ({ type: 'integer', minimum: 0, description })
const number = (description: string) => ({ type: 'number', minimum: 0, description })
export const text = (description: string) => ({ type: 'string', description })
const time = (description: string) => ({ type: 'string', format: 'date-time', description })

/** Schema of an object with exactly these properties. */
export function object(properties: Record<string, object>) {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties),
    properties
  } as const
}

const check = {
  ...object({
    at: time('When it began'),
    ok: { type: 'boolean', description: 'Whether it passed' },
    result: text('Result, such as "status 200" or "connection refused"'),
    latencyMs: number('Until the response head, in milliseconds')
  }),
  type: ['object', 'null']
}

const responses = object({
  '1xx': count('Interim responses'),
  '2xx': count('Successes'),
  '3xx': count('Redirections'),
  '4xx': count('Client errors'),
  '5xx': count('Server errors')
})

export const backend = object({
  pool: text('Its pool'),
  id: count('Number from 0, in the order in which they came'),
  address: text('host:port, or unix:/path'),
  url: text('Origin'),
  source: text('Where it comes from: "list", "leases", or the URL of a source'),
  addresses: {
    type: 'array',
    items: text('The first is tried first'),
    description: 'What its name resolves to; empty if it is an address'
  },
  lookupFailure: {
    type: ['string', 'null'],
    description:
      'Why the latest look-up of its name failed, if it did; the addresses are then those of the one before'
  },
  weight: count('Share of the load in proportion to the others'),
  effectiveWeight: number('The current weight, lower during a slow start'),
  max: count('Requests in flight at the most; 0 for no limit'),
  backup: { type: 'boolean', description: 'Whether it is used only while no other can be' },
  state: {
    type: 'string',
    enum: ['checking', 'healthy', 'unhealthy', 'ejected', 'draining', 'terminating'],
    description: 'Only "healthy" gets requests, and "terminating" those of its sessions'
  },
  since: time('When it changed to this state'),
  reason: text('Why it changed'),
  lastCheck: check,
  consecutiveSuccesses: count('Checks passed in a row'),
  consecutiveFailures: count('Checks failed in a row'),
  active: count('Requests in flight at it'),
  total: count('Requests that were sent to it, retries and hedges included'),
  failed: count('Requests to it that failed: refused, reset, timed out, or answered with broken HTTP'),
  responses,
  retries: count('Requests that failed here and were retried, mostly on another backend'),
  unprocessedRetries: count('Of those retries, the ones of requests that it had not processed'),
  hedges: count('Requests that were also sent to it as another backend was slow'),
  ejections: count('Ejections, as its answers were errors or none came'),
  bytes: object({
    received: count('Bytes of response bodies received from it'),
    sent: count('Bytes of request bodies sent to it')
  })
})

const requests = object({
  inFlight: count('Requests in flight'),
  tunnels: count('Of those, the ones that have changed to another protocol, such as WebSocket'),
  queued: count('Of those, the ones that wait for a free slot of a backend'),
  retrying: count('Attempts in progress that are not the first of their request'),
  retriesRefused: count('Retries that the retry budget did not allow in time'),
  total: count('Requests for backends since the start, including rejected ones'),
  failed: count('Requests that the balancer answered with 502 or 504'),
  routeAnswers: count('Requests that a route answered itself'),
  rejected: object({
    overload: count('Answered 503 as too many were in flight'),
    noBackend: count('Answered 503 as no backend was eligible'),
    queueFull: count('Answered 503 as too many waited for a free slot of a backend'),
    queueTimeout: count('Answered 503 as no backend had a free slot in time'),
    outageTimeout: count('Answered 503 as no backend was available in time'),
    badRequest: count('Answered 4xx or 5xx as the request itself was wrong, or broke a limit'),
    rateLimit: count('Answered 429 as its client had sent too many'),
    denied: count('Answered 403 as its client is not served'),
    noRoute: count('Answered 404 as no route matched')
  }),
  perSecond: object({
    last1s: number('Requests per second over the last second'),
    last10s: number('over the last ten'),
    last60s: number('over the last sixty')
  })
})

const latency = object({
  windowSeconds: count('Seconds that the quantiles cover'),
  count: count('Responses in it'),
  p50Ms: number('Median, from the head of the request to the end of the response'),
  p90Ms: number('90 % took no longer'),
  p99Ms: number('99 % took no longer'),
  maxMs: number('The longest')
})

const source = object({
  source: text('Its URL, or "leases" for those that have registered themselves'),
  members: count('Backends that it tells of'),
  changedAt: { ...time('When those last changed'), type: ['string', 'null'] },
  toldAt: { ...time('When it last told of them'), type: ['string', 'null'] },
  failure: {
    ...object({ reason: text('Why it cannot tell of them'), since: time('Since when') }),
    type: ['object', 'null'],
    description: 'Its backends are kept as they are meanwhile'
  }
})

/** JSON Schema of `/__lb/stats`: it serialises the response and documents it. */
export const statisticsSchema = object({
  version: text('Version of the balancer'),
  startedAt: time('When the process started to serve'),
  uptimeSeconds: number('Seconds since then'),
  state: {
    type: 'string',
    enum: ['serving', 'draining'],
    description: 'Draining from the signal to terminate until the end'
  },
  panic: { type: 'boolean', description: 'Whether unhealthy backends are used, as no other is left' },
  lane: {
    type: 'string',
    enum: ['direct', 'routed', 'off'],
    description:
      "Which way plain requests take: past Node's server and the router, past the server, or neither"
  },
  fleet: {
    ...object({
      store: text('URL of the store that balancers share'),
      connected: { type: 'boolean', description: 'Whether it answers' },
      since: time('Since when it does, or does not'),
      fault: { ...text('Why it does not'), type: ['string', 'null'] },
      members: count('Threads of all balancers that share it, as last known')
    }),
    type: ['object', 'null'],
    description: 'What this balancer shares with others; null for one by itself'
  },
  requests,
  connections: object({
    open: count('Client connections open'),
    dropped: count('Client connections closed unanswered as too many were open'),
    handshakesFailed: count('Client connections that ended during the TLS handshake'),
    proxyHeadersRefused: count(
      'Client connections without a valid header of the PROXY protocol; also counted in dropped'
    ),
    limit: count('How many may be open')
  }),
  threads: {
    type: 'array',
    items: object({
      openConnections: count('Client connections open there'),
      inFlight: count('Requests in flight there')
    }),
    description: 'The threads of the balancer, of which the first decides for all'
  },
  shortages: object({
    descriptorLimit: {
      type: ['integer', 'null'],
      description: 'Limit of open file descriptors; null if it is not known'
    },
    descriptors: count(
      'Connections that were refused or not made, and probes that found no file descriptor left'
    ),
    ports: count('Connections that were not made as no local port was free'),
    memory: count('Connections and checks that were not made for lack of socket memory'),
    latest: {
      ...object({
        at: time('When'),
        resource: { type: 'string', enum: ['descriptors', 'ports', 'memory'], description: 'Which resource' }
      }),
      type: ['object', 'null']
    }
  }),
  latency,
  pools: {
    type: 'array',
    items: object({
      name: text('Name'),
      panic: { type: 'boolean', description: 'Whether its unhealthy backends are used, as no other is left' },
      eligible: count('Backends that may be given requests'),
      backends: count('Backends'),
      sources: { type: 'array', items: source, description: 'Where backends come from, beside the list' },
      requests,
      latency
    }),
    description: 'The pools, with what concerns each of them alone'
  },
  routes: {
    type: 'array',
    items: object({
      name: text('Name'),
      pools: { type: 'array', items: text('Name'), description: 'Pools that it may lead to' },
      total: count('Requests that have ended'),
      unanswered: count('Of those, the ones whose client left before there was an answer'),
      responses,
      mirror: object({
        answered: count('Requests that were sent to a further pool as well, and answered'),
        failed: count('Those that it was sent and has not answered'),
        skipped: count(
          'Requests that were to be, but whose body was too large, or for which there was no room'
        )
      })
    }),
    description: 'The routes, in the order of the file; none where the only pool takes everything'
  },
  backends: { type: 'array', items: backend }
})
