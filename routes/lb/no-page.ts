import type { FastifyPluginAsync } from 'fastify'

/** Answers for every page of its scope that there is not. */
const noPage: FastifyPluginAsync = async (fastify) => {
  fastify.setNotFoundHandler((_request, reply) => {
    reply.code(404).send({ statusCode: 404, error: 'Not Found', message: 'There is no such page' })
  })
}

export default noPage
