import type { FastifyInstance } from 'fastify'

interface Asked {
  /** Pools that each have to be ready. */
  Querystring: { readonly pool?: string | readonly string[] }
}

/** Liveness and readiness for orchestrators, from any address: they tell no more than a request would. */
export default function readiness(fastify: FastifyInstance): void {
  /** Liveness: the process runs. */
  fastify.get('/live', (_request, reply) => {
    reply.header('Cache-Control', 'no-store').send({ status: 'live' })
  })

  /**
   * Readiness: a backend is eligible, and the balancer is not draining. A pool that is not there is answered as one without
   * backends, as nobody has to learn the names of pools here.
   */
  fastify.get<Asked>('/ready', ({ query }, reply) => {
    const { registry, poolSet } = fastify
    const reason = registry.draining
      ? 'draining'
      : !poolSet.hasEligible([query.pool ?? []].flat())
        ? 'no backend is eligible'
        : undefined
    reply.header('Cache-Control', 'no-store')
    if (reason) reply.code(503).send({ status: 'not ready', reason })
    else reply.send({ status: 'ready' })
  })
}
