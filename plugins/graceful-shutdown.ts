import fp from 'fastify-plugin'
import { writeSynchronously } from '../lib/base/log-stream.js'
import type { Config } from '../lib/config/load.js'
import { acceptQueued } from '../lib/listener/drain/accept-queue.js'
import { ServerDrain } from '../lib/listener/drain/server-drain.js'

/** For what comes before HTTP on connections that are open when the drain begins. */
const OPENING_MS = 1000

const CRASH_SIGNALS = ['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGABRT', 'SIGTRAP'] as const

const endWithFailure = () => {
  process.exitCode = 1
}

/**
 * Drains at close: not ready any more, no new connections, `Connection: close` on every answer; at the deadline the
 * rest is cut, and the process will end with 1. Closing itself stays with whoever calls `close()`: fastify-cli does on
 * SIGTERM and SIGINT, and ends the process at once on a second signal. What is of a process is left alone in one that a
 * program shares with it.
 */
export default fp<{ config: Config; ownsProcess: boolean }>(
  async (fastify, { config, ownsProcess }) => {
    const { registry, connections, openingConnections, server, tls, http2, log } = fastify
    const { drainTimeoutMs, limits } = config
    const onTimeout = () => {
      http2?.closeIdle()
      const cut = registry.inFlight
      const left = [...connections].filter(
        ({ destroyed, writableEnded }) => !destroyed && !writableEnded
      ).length
      log.warn({ cut, connections: left }, `Drain timeout: cutting ${cut} requests`)
      // fastify-cli ends the process with 0 when everything is closed, however that came about.
      if (ownsProcess && (cut > 0 || left > 0)) process.once('exit', endWithFailure)
    }
    // fastify-cli listens to these too, which turns a crash into an endless loop. It has begun to, before all is ready.
    if (ownsProcess)
      fastify.addHook('onReady', async () => {
        for (const signal of CRASH_SIGNALS) process.removeAllListeners(signal)
      })
    fastify.addHook('preClose', async () => {
      registry.startDraining()
      writeSynchronously(log)
      if (!server.listening) return
      log.info(
        { inFlight: registry.inFlight },
        `Draining: ${registry.inFlight} requests in flight, at most ${drainTimeoutMs / 1000} s`
      )
      http2?.drain()
      new ServerDrain(
        server,
        connections,
        { headTimeoutMs: limits.headTimeoutMs, drainTimeoutMs },
        onTimeout
      ).start()
      // No request has come over them yet.
      const drop = () => {
        tls?.destroyPending()
        openingConnections.destroyAll()
      }
      // What has come meanwhile is read first.
      const opening = setTimeout(() => setImmediate(drop), OPENING_MS)
      server.once('close', () => {
        clearTimeout(opening)
        log.info('Drained: every connection is closed')
      })
      await acceptQueued(server)
    })
  },
  { name: 'graceful-shutdown', dependencies: ['backend-registry', 'connections'] }
)
