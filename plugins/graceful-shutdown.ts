import fp from 'fastify-plugin'
import { writeSynchronously } from '../lib/base/log-stream.js'
import type { Config } from '../lib/config/load.js'
import { acceptQueued } from '../lib/listener/drain/accept-queue.js'
import { ServerDrain } from '../lib/listener/drain/server-drain.js'
import { BalancerCell } from '../lib/pool/cells.js'

/** Time for TLS handshakes and PROXY headers that are under way when the drain begins. */
const OPENING_MS = 1000

const CRASH_SIGNALS = ['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGABRT', 'SIGTRAP'] as const

const endWithFailure = () => {
  process.exitCode = 1
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether its drain has cut anything off so far. */
    drainOutcome: { readonly hasCut: boolean }
  }
}

/**
 * Drains when the server closes: not ready, no new connections, `Connection: close` on every answer. At the deadline the
 * rest is cut, and the process will exit with 1. `close()` is called by others: fastify-cli does so on SIGTERM and SIGINT,
 * and exits at once on a second signal. In a process that belongs to a program, signals and exit code are left alone.
 */
export default fp<{ config: Config; ownsProcess: boolean }>(
  async (fastify, { config, ownsProcess }) => {
    const { cells, registry, connections, openingConnections, server, tls, http2, log, ownerLog } = fastify
    const { drainTerms } = fastify
    const { headTimeoutMs } = config.limits
    const outcome = { hasCut: false }
    fastify.decorate('drainOutcome', outcome)
    const onTimeout = () => {
      http2?.closeIdle()
      const cut = registry.counters.part(BalancerCell.inFlight, cells.threads.own)
      const left = [...connections].filter(
        ({ destroyed, writableEnded }) => !destroyed && !writableEnded
      ).length
      log.warn({ cut, connections: left }, `Drain timeout: cutting ${cut} requests`)
      outcome.hasCut = cut > 0 || left > 0
      // fastify-cli exits with 0 when everything is closed, even if it was cut.
      if (ownsProcess && outcome.hasCut) process.once('exit', endWithFailure)
    }
    // fastify-cli listens for these too, which turns a crash into an endless loop. Its listeners exist by now.
    if (ownsProcess)
      fastify.addHook('onReady', async () => {
        for (const signal of CRASH_SIGNALS) process.removeAllListeners(signal)
      })
    fastify.addHook('preClose', async () => {
      registry.startDraining()
      writeSynchronously(log)
      if (!server.listening) return
      ownerLog.info(
        { inFlight: registry.inFlight },
        `Draining: ${registry.inFlight} requests in flight, at most ${drainTerms.timeoutMs / 1000} s`
      )
      http2?.drain()
      new ServerDrain(server, connections, drainTerms.limits(headTimeoutMs), onTimeout).start()
      // No request has arrived over them yet.
      const drop = () => {
        tls?.destroyPending()
        openingConnections.destroyAll()
      }
      // What has arrived is read first, in case the event loop was blocked.
      const opening = drainTerms.isHandover ? undefined : setTimeout(() => setImmediate(drop), OPENING_MS)
      server.once('close', () => {
        clearTimeout(opening)
        ownerLog.info('Drained: every connection is closed')
      })
      await acceptQueued(server)
    })
  },
  { name: 'graceful-shutdown', dependencies: ['backend-registry', 'listening-sockets', 'connections'] }
)
