import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { httpProbe, type Sockets } from '../lib/health/probe.js'
import { Ejection } from '../lib/outliers/ejection.js'
import { OutlierDetector } from '../lib/outliers/outlier-detector.js'
import { PROBE_TIMEOUT_MS, UnresponsiveDetector } from '../lib/outliers/unresponsive-detector.js'
import type { Backend } from '../lib/pool/backend.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Finds backends that fail clients' requests. */
    outlierDetector: OutlierDetector
    /** Finds backends that accept requests and answer none; undefined if disabled. */
    unresponsiveDetector: UnresponsiveDetector | undefined
  }
}

/** Passive health checks: outlier detection by clients' requests, and the tick that drives the registry's clock. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { registry } = fastify
    const { ejection: mayEject, stallTimeoutMs } = config.resilience
    const ejection = mayEject ? new Ejection(registry) : undefined
    const outlierDetector = new OutlierDetector(registry, ejection)
    const unresponsiveDetector =
      stallTimeoutMs > 0
        ? new UnresponsiveDetector(registry, ejection, {
            afterMs: stallTimeoutMs,
            probe: prober(config, fastify.backendSockets)
          })
        : undefined
    fastify.decorate('outlierDetector', outlierDetector)
    fastify.decorate('unresponsiveDetector', unresponsiveDetector)

    if (!ejection)
      for (const backend of registry.backends)
        registry.setEjected(backend, false, 'no backend is ejected any more')
    registry.once('retired', () => registry.off('tick', detect))
    registry.on('tick', detect)
    function detect() {
      ejection?.tick()
      outlierDetector.tick()
      unresponsiveDetector?.tick()
    }
    fastify.ticker.add(registry)
    fastify.addHook('onClose', async () => fastify.ticker.remove(registry))
  },
  { name: 'passive-health', dependencies: ['backend-registry', 'ticker'] }
)

/** Returns a function that probes a backend by its health check, if it has one. */
function prober(
  { healthCheck }: Config,
  sockets: Sockets
): (backend: Backend) => Promise<boolean> | undefined {
  if (!healthCheck.enabled) return () => undefined
  const probe = httpProbe({ ...healthCheck, timeoutMs: PROBE_TIMEOUT_MS }, sockets)
  return (backend) =>
    backend.config.noCheck ? undefined : probe(backend).then(({ ok, missing }) => ok || missing !== undefined)
}
