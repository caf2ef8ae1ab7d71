import type { FastifyPluginAsync } from 'fastify'
import { isGrpcCall } from '../../lib/base/grpc/call.js'
import { GrpcStatus } from '../../lib/base/grpc/status.js'

const MESSAGE = 'There is no such page'

/** Answers for every page of its scope that there is not, to a call of gRPC as its client reads it. */
const noPage: FastifyPluginAsync = async (fastify) => {
  fastify.setNotFoundHandler((request, reply) => {
    if (isGrpcCall(request.raw)) {
      const fields = { 'grpc-status': `${GrpcStatus.unimplemented}`, 'grpc-message': MESSAGE }
      reply.type('application/grpc').headers(fields).send()
      return
    }
    reply.code(404).send({ statusCode: 404, error: 'Not Found', message: MESSAGE })
  })
}

export default noPage
