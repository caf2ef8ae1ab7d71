import fp from 'fastify-plugin'
import { LatencyWindow } from '../lib/base/latency.js'
import { RateWindow } from '../lib/base/rates.js'
import type { Config } from '../lib/config/load.js'
import { Broadcast } from '../lib/observe/live/broadcast.js'
import { TimeSeries } from '../lib/observe/live/time-series.js'
import { collectStatistics, reportText, requestTotal, type Statistics } from '../lib/observe/statistics.js'
import { version } from '../package.json'

declare module 'fastify' {
  interface FastifyInstance {
    /** Latencies of answered requests, from their head to the end of the response. */
    latency: LatencyWindow
    /** Collects the current statistics. */
    statistics(): Statistics
    /** The live event stream of the page. */
    broadcast: Broadcast
  }
}

const SAMPLE_MS = 1000

/** Collects latencies, rates and the events of the page, and logs a periodic report. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { registry, connections, backendList, requestMetrics: requests } = fastify
    const latency = new LatencyWindow()
    const rates = new RateWindow()
    const source = {
      registry,
      latency,
      rates,
      version,
      startedAt: new Date(),
      openConnections: () => connections.size,
      maxSockets: config.maxSockets,
      descriptorLimit: fastify.descriptorLimit,
      shortages: fastify.shortages,
      lane: () => (fastify.hasDecorator('http1') ? fastify.http1.way : 'off')
    }
    fastify.decorate('latency', latency)
    const statistics = () => collectStatistics(source)
    const timeSeries = new TimeSeries()
    const isWritable = config.admin.token !== ''
    const broadcast = new Broadcast({ registry, backendList, requests, timeSeries, statistics, isWritable })
    fastify.decorate('statistics', statistics)
    fastify.decorate('broadcast', broadcast)

    const sample = () => {
      const total = requestTotal(registry)
      rates.sample(total)
      timeSeries.add({ requests: total, errors: requests.serverErrors, ...latency.takeRecent() })
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
  { name: 'statistics', dependencies: ['backend-registry', 'backend-list', 'connections', 'metrics'] }
)
