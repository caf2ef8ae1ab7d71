import type { AddressInfo, ListenOptions } from 'node:net'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { redirectServer } from '../lib/https-redirect.js'

/** Sends clients that come by plain HTTP to `https://`, on a port beside the balancer's own. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, log } = fastify
    const { limits, tls, maxHeadBytes, maxSockets } = config
    if (!tls || tls.redirectPort === 0) return
    const portOf = () => tls.publicPort || (server.address() as AddressInfo).port
    const options = {
      maxHeaderSize: maxHeadBytes,
      headersTimeout: limits.headTimeoutMs,
      requestTimeout: limits.headTimeoutMs,
      connectionsCheckingInterval: 1000
    }
    const redirect = redirectServer(options, limits, portOf)
    redirect.maxConnections = maxSockets
    fastify.readProxyHeaders(redirect)

    // It listens where the balancer does, and first: that it cannot then ends the start.
    const { listen } = server
    server.listen = ((options: ListenOptions, ...rest: []) => {
      redirect.once('error', (error) => server.emit('error', error))
      redirect.listen({ host: options.host, port: tls.redirectPort }, () => {
        log.info(`Plain HTTP on port ${tls.redirectPort} is sent to https`)
        listen.call(server, options, ...rest)
      })
      return server
    }) as typeof server.listen
    fastify.addHook('preClose', async () => {
      redirect.close()
      redirect.closeAllConnections()
    })
  },
  { name: 'https-redirect', dependencies: ['connections'] }
)
