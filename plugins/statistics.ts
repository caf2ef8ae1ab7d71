import fp from 'fastify-plugin'
import { RateWindow } from '../lib/base/rates.js'
import type { Config } from '../lib/config/load.js'
import { Broadcast } from '../lib/observe/live/broadcast.js'
import { TimeSeries } from '../lib/observe/live/time-series.js'
import {
  collectStatistics,
  reportText,
  requestTotal,
  type Statistics,
  serverStatistics
} from '../lib/observe/statistics.js'
import { version } from '../package.json'

declare module 'fastify' {
  interface FastifyInstance {
    /** Collects the current statistics. */
    statistics(): Statistics
    /** The live event stream of the page. */
    broadcast: Broadcast
  }
}

const SAMPLE_MS = 1000

/** Collects rates and the events of the page, and logs a periodic report. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { registry, latency, requestMetrics, serverCounters, poolSet } = fastify
    const rates = new RateWindow()
    const pools = () => poolSet.all
    const source = {
      registry,
      counters: serverCounters,
      pools,
      routes: () => fastify.shownRoutes(),
      latency,
      rates,
      version,
      startedAt: new Date(),
      maxSockets: config.maxSockets,
      descriptorLimit: fastify.descriptorLimit,
      shortages: fastify.shortages,
      fleet: fastify.fleet,
      lane: () => (fastify.hasDecorator('http1') ? fastify.http1.way : 'off')
    }
    const statistics = () => collectStatistics(source)
    const timeSeries = new TimeSeries()
    const isWritable = config.admin.token !== ''
    const server = () => serverStatistics(source)
    const { routes } = source
    const broadcast = new Broadcast({ pools, routes, timeSeries, server, isWritable })
    fastify.decorate('statistics', statistics)
    fastify.decorate('broadcast', broadcast)

    const sample = () => {
      const requests = requestTotal(serverCounters)
      const measured = new Set([requestMetrics, ...pools().map((pool) => pool.requests)])
      let errors = 0
      for (const { serverErrors } of measured) errors += serverErrors
      rates.sample(requests)
      for (const pool of pools()) pool.rates.sample(requestTotal(pool.registry.counters))
      timeSeries.add({ requests, errors, ...latency.takeRecent() })
      broadcast.tick()
    }
    const timers = [setInterval(sample, SAMPLE_MS)]
    if (config.statsIntervalMs > 0) {
      timers.push(
        setInterval(() => {
          const stats = fastify.statistics()
          fastify.log.info({ stats }, reportText(stats))
        }, config.statsIntervalMs)
      )
    }
    for (const timer of timers) timer.unref()
    fastify.addHook('onClose', async () => timers.forEach(clearInterval))
  },
  { name: 'statistics', dependencies: ['pool-set', 'connections', 'fleet'] }
)
