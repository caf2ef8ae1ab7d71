import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import fairlead from '../../index.js'
import { atEnd, eventually, type LogRecord } from '../helper.js'

/** An application that has the balancer in it, and routes of its own. */
export interface Application {
  readonly fastify: FastifyInstance
  readonly port: number
  /** What it has logged so far. */
  readonly log: LogRecord[]
}

/**
 * Starts an application. At the end of the test no pool of it may have anything in flight.
 * @param build registers what it consists of
 */
export async function startApplication(
  t: Test,
  build: (fastify: FastifyInstance) => void,
  options: FastifyServerOptions = {}
): Promise<Application> {
  const log: LogRecord[] = []
  const stream = { write: (line: string) => log.push(JSON.parse(line)) }
  const fastify = Fastify({ ...options, logger: { level: 'info', stream } })
  atEnd(t, () => fastify.close())
  build(fastify)
  await fastify.listen({ host: '127.0.0.1', port: 0 })
  atEnd(t, async () => {
    const pools = fastify.fairlead.names.map((name) => fastify.fairlead.pool(name))
    const inFlight = () => pools.map((pool) => pool.stats().requests.inFlight)
    await eventually(() => inFlight().every((count) => count === 0)).catch(() => {})
    t.same(
      inFlight(),
      pools.map(() => 0),
      'nothing is left in flight'
    )
  })
  return { fastify, port: (fastify.server.address() as { port: number }).port, log }
}

export { fairlead }
