import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { parentsOnly, type Tracing } from '../lib/observe/tracing/trace-context.js'
import { version } from '../package.json'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined if trace contexts are only passed on. */
    tracing: Tracing | undefined
  }
}

/** Adds trace contexts to requests, and records spans if OpenTelemetry's variables ask for that. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { makesParent, spans } = config.tracing
    const load = async () => {
      // Loaded only here, as the packages are optional.
      const { loadSpans } = await import('../lib/observe/tracing/spans.js')
      const onFault = (message: string) => fastify.log.warn(`Traces: ${message}`)
      return loadSpans({ config: spans!, trusted: config.trustedProxies, version, onFault })
    }
    const tracing = spans ? await load() : makesParent ? parentsOnly : undefined
    fastify.decorate('tracing', tracing)
    fastify.addHook('onClose', async () => tracing?.end())
  },
  { name: 'tracing' }
)
