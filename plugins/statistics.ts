import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { LatencyWindow } from '../lib/latency.js'
import { RateWindow } from '../lib/rates.js'
import { collectStatistics, reportText, requestTotal, type Statistics } from '../lib/statistics.js'
import { version } from '../package.json'

declare module 'fastify' {
  interface FastifyInstance {
    /** Latencies of requests that were answered, from their head to the end of the response. */
    latency: LatencyWindow
    /** The statistics of this moment. */
    statistics(): Statistics
  }
}

const SAMPLE_MS = 1000

/** Collects latencies and rates, and reports the statistics to the log now and then. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { registry, connections } = fastify
    const latency = new LatencyWindow()
    const rates = new RateWindow()
    const source = {
      registry,
      latency,
      rates,
      version,
      startedAt: new Date(),
      openConnections: () => connections.size,
      maxSockets: config.maxSockets
    }
    fastify.decorate('latency', latency)
    fastify.decorate('statistics', () => collectStatistics(source))

    const timers = [setInterval(() => rates.sample(requestTotal(registry)), SAMPLE_MS)]
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
  { name: 'statistics', dependencies: ['backend-registry', 'connections'] }
)
