import type { Backend } from '../../pool/backend.js'
import type { ShownPool } from '../shown-pool.js'
import type { ShownRoute } from '../shown-route.js'
import { backendStatistics, poolStatistics, type ServerStatistics } from '../statistics.js'
import { BackendRates } from './backend-rates.js'
import { ChangingList } from './changing-list.js'
import { HealthHistory } from './health-history.js'
import { type RouteView, routeView } from './route-view.js'
import type { TimeSeries } from './time-series.js'

/** What is shown. */
export interface LiveSource {
  /** The same array while the pools are the same. */
  readonly pools: () => readonly ShownPool[]
  readonly routes: () => readonly ShownRoute[]
  readonly timeSeries: TimeSeries
  readonly server: () => ServerStatistics
  /** Whether the API takes changes. */
  readonly isWritable: boolean
}

/** A pool, with what is kept of it for charts. */
interface Feed {
  readonly pool: ShownPool
  readonly health: HealthHistory
  readonly rates: BackendRates
}

type PoolView = ReturnType<typeof poolView>
type BackendView = ReturnType<typeof backendView>

/** What the page shows: all of it as it was at one moment, and what has changed since the moment before. */
export class LiveState {
  readonly #source: LiveSource
  #pools: readonly ShownPool[] = []
  #feeds: readonly Feed[] = []
  readonly #poolViews = new ChangingList<PoolView>('name')
  readonly #routeViews = new ChangingList<RouteView>('name')
  readonly #backendViews = new ChangingList<BackendView>('pool', 'id')
  #server: object = {}

  constructor(source: LiveSource) {
    this.#source = source
    this.#follow()
  }

  /** To be called once a second. */
  sample(): void {
    this.#follow()
    for (const { rates } of this.#feeds) rates.sample()
  }

  /** Looks at everything. Returns the figures of the server, and what else has changed since this was called before. */
  advance() {
    const { server, routes, timeSeries, isWritable } = this.#source
    this.#follow()
    this.#server = { at: Date.now(), ...server(), isWritable }
    return {
      ...this.#server,
      sample: timeSeries.samples.at(-1) ?? null,
      pools: this.#poolViews.advance(this.#feeds.map(poolView)),
      routes: this.#routeViews.advance(routes().map(routeView)),
      backends: this.#backendViews.advance(
        this.#feeds.flatMap((feed) =>
          feed.pool.registry.backends.map((backend) => backendView(backend, feed))
        )
      )
    }
  }

  /** Everything, as it was when `advance` was called last, with the history of what is drawn as a chart. */
  whole() {
    const perSecond = new Map<string, readonly number[]>()
    for (const { pool, rates } of this.#feeds)
      for (const backend of pool.registry.backends)
        perSecond.set(`${pool.name}/${backend.id}`, rates.of(backend))
    return {
      ...this.#server,
      samples: this.#source.timeSeries.samples,
      pools: this.#poolViews.rows,
      routes: this.#routeViews.rows,
      backends: this.#backendViews.rows.map((view) => ({
        ...view,
        perSecond: perSecond.get(`${view.pool}/${view.id}`) ?? []
      }))
    }
  }

  /** Begins to keep the history of pools that are new, and forgets those that have left. */
  #follow(): void {
    const pools = this.#source.pools()
    if (pools === this.#pools) return
    const known = new Map(this.#feeds.map((feed) => [feed.pool, feed]))
    this.#pools = pools
    this.#feeds = pools.map(
      (pool) =>
        known.get(pool) ?? {
          pool,
          health: new HealthHistory(pool.registry),
          rates: new BackendRates(pool.registry)
        }
    )
  }
}

/** A pool, with the version of its list of backends. */
const poolView = ({ pool }: Feed) => ({ ...poolStatistics(pool), version: pool.backendList.version })

/** A backend, with the orders of operators, how long its responses took, and its latest changes. */
function backendView(backend: Backend, { pool, health }: Feed) {
  const { sum, counts } = backend.measures.durations
  return {
    ...backendStatistics(backend, pool.name),
    orders: { draining: backend.draining, health: backend.forcedHealth ?? 'auto' },
    latency: {
      count: counts.reduce((all, some) => all + some, 0),
      sumMs: Math.round(sum * 1e6) / 1000
    },
    changes: health.of(backend)
  }
}
