import type { IncomingMessage } from 'node:http'
import type { Config, PoolConfig } from '../../lib/config/load.js'
import { membersOf } from '../../lib/config/routing/summary.js'
import type { DryRun, Outcome } from '../../lib/proxy/dry-run/dry-run.js'
import { AMBIGUOUS_PATH, DENIED, NO_ROUTE } from '../../lib/proxy/failure.js'
import { type Explanation, textOf } from '../../lib/routing/explain.js'
import type { FieldChanges, Mirror, PathMatch, RouteOptions } from '../../lib/routing/options.js'
import { pathOf } from '../../lib/routing/paths/normal-form.js'
import { weightedPoolsOf } from '../../lib/routing/pools-of.js'

type Field = readonly [name: string, value: string]

/** A pool that a request may go to. */
interface ReportedPool {
  readonly pool: string
  /** Share of the requests of the route, 0 to 1. */
  readonly share: number
  readonly backends: readonly string[]
  /** From the end of the request to the head of the response; 0 for no limit. */
  readonly timeoutSeconds: number
  readonly retries: number
}

/** All that is to be said of a request. What there is none of is null. */
export interface Report {
  readonly outcome:
    | 'forwarded'
    | 'answered'
    | 'refused'
    | 'no-route'
    | 'ambiguous-path'
    /** The request is for the balancer's own pages. */
    | 'own-page'
  /** Whether there are any; without, the only pool takes everything. */
  readonly hasRoutes: boolean
  readonly route: string | null
  /** The element of its paths that fits, such as `/v2/*`. */
  readonly matchedPath: string | null
  /** The path by which the route was found, or looked for: in normal form, or as it was sent where the route reads it raw. */
  readonly path: string | null
  /** The readings of an ambiguous path, and the route of each. */
  readonly readings: readonly {
    readonly path: string
    readonly steps: readonly string[]
    readonly route: string | null
  }[]
  readonly hasAllReadings: boolean
  readonly others: readonly { readonly route: string; readonly reason: string }[]
  readonly pools: readonly ReportedPool[]
  /** The one of them that all requests of this client go to, if a split keeps clients where they are. */
  readonly clientPool: string | null
  /** What a backend gets. */
  readonly backendRequest: {
    readonly method: string
    readonly target: string
    readonly fields: readonly Field[]
  } | null
  /** What the balancer answers itself. */
  readonly answer: {
    readonly status: number
    readonly code: string | null
    readonly fields: readonly Field[]
    readonly body: string
  } | null
  readonly requestHeaders: FieldChanges | null
  readonly responseHeaders: FieldChanges | null
  readonly mirror: Mirror | null
  readonly limits: {
    /** 0 for no limit. */
    readonly maxBodyBytes: number
    /** Requests of a client, of the route and of the whole balancer. */
    readonly rateLimits: readonly { readonly perSecond: number; readonly burst: number }[]
    /** Whether `allow` or `deny` are set, of the route or of the whole balancer. */
    readonly hasClientLists: boolean
    readonly isDenied: boolean
  }
  /** Statuses whose answers have pages of their own, from and to. */
  readonly errorPages: readonly { readonly from: number; readonly to: number; readonly ofBackends: boolean }[]
}

/**
 * Reports what becomes of a request.
 * @param isWhole whether routes are named too whose host or path is another
 */
export function reportOf(config: Config, dryRun: DryRun, req: IncomingMessage, isWhole: boolean): Report {
  const explanation = dryRun.explain(req)
  const outcome = dryRun.run(req)
  const verdict = explanation?.verdicts.find(({ reason }) => reason === undefined)
  const isAmbiguous = explanation?.routing === 'ambiguous-path'
  const route = isAmbiguous ? undefined : verdict?.route
  return {
    outcome: outcomeOf(outcome),
    hasRoutes: config.routing !== undefined,
    route: route?.name ?? null,
    matchedPath: route ? pathText(verdict!.path) : null,
    path: (route?.paths === 'raw' ? pathOf(req.url!) : explanation?.path) ?? null,
    readings: (explanation?.readings ?? []).map((reading) => ({ ...reading, route: reading.route ?? null })),
    hasAllReadings: explanation?.hasAllReadings ?? true,
    others: othersOf(explanation, isWhole),
    pools: poolsOf(config, route),
    clientPool: isSteady(route) && outcome.kind === 'forwarded' ? outcome.pool : null,
    ...sentOf(outcome),
    ...saidOf(config, route, outcome)
  }
}

const isSteady = (route: RouteOptions | undefined) => route?.action.kind === 'split' && route.action.isSteady

function outcomeOf(outcome: Outcome): Report['outcome'] {
  if (outcome.kind !== 'answered') return outcome.kind
  if (!outcome.failure) return 'answered'
  if (outcome.failure === NO_ROUTE) return 'no-route'
  return outcome.failure === AMBIGUOUS_PATH ? 'ambiguous-path' : 'refused'
}

function othersOf(explanation: Explanation | undefined, isWhole: boolean): Report['others'] {
  return (explanation?.verdicts ?? []).flatMap(({ route: { name }, reason }) => {
    if (!reason || (!isWhole && (reason.condition === 'host' || reason.condition === 'path'))) return []
    return [{ route: name, reason: textOf(reason) }]
  })
}

function poolsOf(config: Config, route: RouteOptions | undefined): ReportedPool[] {
  if (!config.routing) return [reportedPool({ name: 'default', config }, 1, undefined)]
  if (!route) return []
  const { pools } = config.routing
  const parts = weightedPoolsOf(route.action)
  const total = parts.reduce((sum, { weight }) => sum + weight, 0)
  return parts.map(({ pool, weight }) =>
    reportedPool(pools.find(({ name }) => name === pool)!, weight / total, route)
  )
}

function reportedPool(
  { name, config }: PoolConfig,
  share: number,
  route: RouteOptions | undefined
): ReportedPool {
  const { timeoutMs = config.responseTimeoutMs, retries = config.resilience.retries } = route?.filters ?? {}
  const backends = membersOf(config)
  return { pool: name, share, backends, timeoutSeconds: timeoutMs / 1000, retries }
}

function sentOf(outcome: Outcome): Pick<Report, 'backendRequest' | 'answer'> {
  if (outcome.kind === 'forwarded') {
    const [first = '', ...lines] = outcome.head.trimEnd().split('\r\n')
    const [method = '', target = ''] = first.split(' ')
    const fields = lines.map((line): Field => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    })
    return { backendRequest: { method, target, fields }, answer: null }
  }
  if (outcome.kind === 'own-page') return { backendRequest: null, answer: null }
  const { answer, failure } = outcome
  const fields: Field[] = []
  for (let i = 0; i < answer.fields.length; i += 2) fields.push([answer.fields[i]!, answer.fields[i + 1]!])
  const body = Buffer.from(answer.body ?? '', 'latin1').toString()
  return {
    backendRequest: null,
    answer: { status: answer.statusCode, code: failure?.code ?? null, fields, body }
  }
}

/** What the route and the whole balancer say of such requests. */
function saidOf(
  { access, limits }: Config,
  route: RouteOptions | undefined,
  outcome: Outcome
): Pick<Report, 'requestHeaders' | 'responseHeaders' | 'mirror' | 'limits' | 'errorPages'> {
  const filters = route?.filters
  const ofServer = access.rateLimit && {
    perSecond: access.rateLimit.count / access.rateLimit.windowS,
    burst: access.rateLimit.burst
  }
  const clientLists = [filters?.allow, filters?.deny, access.allow, access.deny]
  return {
    requestHeaders: filters?.requestHeaders ?? null,
    responseHeaders: filters?.responseHeaders ?? null,
    mirror: filters?.mirror ?? null,
    limits: {
      maxBodyBytes: filters?.maxBodyBytes ?? limits.bodyBytes,
      rateLimits: [filters?.rateLimit, ofServer].filter((limit) => limit !== undefined),
      hasClientLists: clientLists.some((list) => list !== undefined),
      isDenied: outcome.kind === 'answered' && outcome.failure === DENIED
    },
    errorPages: (filters?.errors ?? []).map(({ from, to, ofBackends }) => ({ from, to, ofBackends }))
  }
}

function pathText(path: PathMatch | undefined): string | null {
  if (!path) return null
  if (path.kind === 'regexp') return `~${path.pattern.source}`
  return path.kind === 'prefix' ? `${path.path.replace(/\/$/, '')}/*` : path.path
}
