import fp from 'fastify-plugin'
import { LatencyWindow } from '../lib/base/latency/latency-window.js'
import { RequestMetrics } from '../lib/observe/metrics/request-metrics.js'

/** Measures the requests of a server that has several pools, beside what each of them measures. */
export default fp(
  async (fastify) => {
    fastify
      .decorate('requestMetrics', new RequestMetrics(fastify.registry))
      .decorate('latency', LatencyWindow.in(fastify.cells, 'latency'))
  },
  { name: 'server-measures', dependencies: ['cells'] }
)
