import type { ServerResponse } from 'node:http'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { isGrpcCall } from '../../lib/base/grpc/call.js'
import { GrpcStatus } from '../../lib/base/grpc/status.js'

const MESSAGE = 'There is no such page'

/** Answers for every page of its scope that there is not, to a call of gRPC as its client reads it. */
const notFound: FastifyPluginAsync = async (fastify) => {
  fastify.setNotFoundHandler((request, reply) => {
    if (isGrpcCall(request.raw)) {
      reply.hijack()
      answerCall(reply.raw)
    } else {
      reply.code(404).send({ statusCode: 404, error: 'Not Found', message: MESSAGE })
    }
  })
}

/** By a head that is all of the answer: Fastify would send it ahead of the end. */
function answerCall(res: ServerResponse): void {
  res.setHeader('content-type', 'application/grpc')
  res.setHeader('grpc-status', `${GrpcStatus.unimplemented}`)
  res.setHeader('grpc-message', MESSAGE)
  res.end()
}

export default fp(notFound, { name: 'lb/not-found', encapsulate: true })
