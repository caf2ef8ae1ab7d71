import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { isIdleUnseen } from '../lib/forward/client-connection.js'
import { writeAtOnce } from '../lib/log-stream.js'

const SWEEP_MS = 50
/** For handshakes of TLS under way at the beginning of the drain. */
const HANDSHAKE_MS = 1000

const CRASH_SIGNALS = ['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGABRT', 'SIGTRAP'] as const

const endWithFailure = () => {
  process.exitCode = 1
}

/**
 * Drains at close: not ready any more, no new connections, `Connection: close` on every answer; at the deadline the
 * rest is cut, and the process will end with 1. Closing itself stays with whoever calls `close()`: fastify-cli does on
 * SIGTERM and SIGINT, and ends the process at once on a second signal.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { registry, connections, server, tls, http2, log } = fastify
    // fastify-cli listens to these too, which turns a crash into an endless loop.
    fastify.addHook('onListen', async () => {
      for (const signal of CRASH_SIGNALS) process.removeAllListeners(signal)
    })
    fastify.addHook('preClose', async () => {
      registry.startDraining()
      writeAtOnce(log)
      if (!server.listening) return
      log.info(
        { inFlight: registry.inFlight },
        `Draining: ${registry.inFlight} requests in flight, at most ${config.drainTimeoutMs / 1000} s`
      )
      http2?.drain()
      // A connection whose answer had begun before goes idle without having been told to close.
      const sweep = setInterval(() => {
        server.closeIdleConnections()
        for (const socket of connections) if (isIdleUnseen(socket)) socket.destroy()
      }, SWEEP_MS)
      // No request has come over them yet.
      const handshakes = setTimeout(() => tls?.dropPending(), HANDSHAKE_MS)
      const deadline = setTimeout(() => {
        const cut = registry.inFlight
        log.warn({ cut }, `Drain timeout: cutting ${cut} requests`)
        // fastify-cli ends the process with 0 when everything is closed, however that came about.
        if (cut > 0) process.once('exit', endWithFailure)
        server.closeAllConnections()
        // Node does not know of those that have changed to another protocol.
        for (const socket of connections) socket.destroy()
      }, config.drainTimeoutMs)
      server.once('close', () => {
        clearInterval(sweep)
        clearTimeout(deadline)
        clearTimeout(handshakes)
        log.info('Drained: every connection is closed')
      })
    })
  },
  { name: 'graceful-shutdown', dependencies: ['backend-registry', 'connections'] }
)
