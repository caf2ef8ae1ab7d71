import { once } from 'node:events'
import type { AddressInfo, ListenOptions } from 'node:net'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { surviveAcceptErrors } from '../lib/listener/accepting.js'
import { openSockets } from '../lib/listener/drain/open-sockets.js'
import { ServerDrain } from '../lib/listener/drain/server-drain.js'
import { redirectServer } from '../lib/proxy/local-reply/https-redirect.js'

/** Redirects plain HTTP to `https://`, on a second port. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, log } = fastify
    const { limits, tls, maxHeadBytes, maxSockets } = config
    if (!tls || tls.redirectPort === 0) return
    let port = tls.publicPort
    // During a drain the server has no address.
    server.once('listening', () => {
      port ||= (server.address() as AddressInfo).port
    })
    const options = {
      maxHeaderSize: maxHeadBytes,
      headersTimeout: limits.headTimeoutMs,
      requestTimeout: limits.headTimeoutMs,
      connectionsCheckingInterval: 1000
    }
    const redirect = redirectServer(options, limits, () => port)
    redirect.maxConnections = maxSockets
    fastify.readProxyHeaders(redirect)
    surviveAcceptErrors(redirect, fastify.shortages)
    const sockets = openSockets(redirect)
    fastify.listeningSockets.adopt('redirect', redirect)

    // It listens at the same address, and first, so that a failure ends the start.
    const { listen } = server
    server.listen = ((options: ListenOptions, ...rest: []) => {
      redirect.once('error', (error) => server.emit('error', error))
      redirect.listen({ host: options.host, port: tls.redirectPort }, () => {
        log.info(`Plain HTTP on port ${tls.redirectPort} is sent to https`)
        listen.call(server, options, ...rest)
      })
      return server
    }) as typeof server.listen
    let drained: Promise<unknown> | undefined
    fastify.addHook('preClose', async () => {
      if (!redirect.listening) return
      new ServerDrain(redirect, sockets, fastify.drainTerms.limits(limits.headTimeoutMs)).start()
      drained = once(redirect.close(), 'close')
    })
    fastify.addHook('onClose', async () => void (await drained))
  },
  { name: 'https-redirect', dependencies: ['listening-sockets', 'connections'] }
)
