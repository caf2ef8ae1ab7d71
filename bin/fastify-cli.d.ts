declare module 'fastify-cli/start.js' {
  import type { FastifyInstance } from 'fastify'

  /** Starts a server as `fastify start` does, with its arguments. Rejects if it cannot. */
  export function runFastify(args: string[]): Promise<FastifyInstance>
}
