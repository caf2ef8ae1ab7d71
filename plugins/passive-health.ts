import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { httpProbe, type Sockets } from '../lib/health/probe.js'
import { Ejection, type Ejector } from '../lib/outliers/ejection.js'
import { OutlierDetector } from '../lib/outliers/outlier-detector.js'
import { PROBE_TIMEOUT_MS, UnresponsiveDetector } from '../lib/outliers/unresponsive-detector.js'
import type { Backend } from '../lib/pool/backend.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined if no backend is ejected, or another thread decides. */
    ejection: Ejection | undefined
    /** Finds backends that fail clients' requests. */
    outlierDetector: OutlierDetector
    /** Finds backends that accept requests and answer none; undefined if disabled. */
    unresponsiveDetector: UnresponsiveDetector | undefined
  }
}

interface Options {
  readonly config: Config
  /** The same pool in the thread that decides, if this is another. */
  readonly followed?: { readonly link: Ejector } | undefined
}

/** Passive health checks: outlier detection by clients' requests, and the tick that drives the registry's clock. */
export default fp<Options>(
  async (fastify, { config, followed }) => {
    const { registry } = fastify
    const { ejection: mayEject, stallTimeoutMs } = config.resilience
    const ejection = mayEject && !followed ? new Ejection(registry) : undefined
    const ejector = mayEject ? (followed?.link ?? ejection) : undefined
    const outlierDetector = new OutlierDetector(registry, ejector)
    const unresponsiveDetector =
      stallTimeoutMs > 0
        ? new UnresponsiveDetector(registry, ejector, {
            afterMs: stallTimeoutMs,
            probe: prober(config, fastify.backendSockets)
          })
        : undefined
    fastify.decorate('ejection', ejection)
    fastify.decorate('outlierDetector', outlierDetector)
    fastify.decorate('unresponsiveDetector', unresponsiveDetector)

    if (!mayEject)
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
