import fp from 'fastify-plugin'
import { Ticker } from '../lib/base/ticker.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Tells all pools of a server the time. */
    ticker: Ticker
  }
}

/** Decorates the server with the timer that its pools share. */
export default fp(
  async (fastify) => {
    const ticker = new Ticker()
    fastify.decorate('ticker', ticker)
    fastify.addHook('onClose', async () => ticker.stop())
  },
  { name: 'ticker' }
)
