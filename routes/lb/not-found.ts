import type { ServerResponse } from 'node:http'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { isGrpcCall } from '../../lib/base/grpc/call.js'
import { GrpcStatus } from '../../lib/base/grpc/status.js'

const MESSAGE = 'There is no such page'

/** Answers requests for unknown paths with `404`, and gRPC calls with `UNIMPLEMENTED`. */
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

/** A response without a body whose head ends the stream (trailers-only); Fastify would send the head separately. */
function answerCall(res: ServerResponse): void {
  res.setHeader('content-type', 'application/grpc')
  res.setHeader('grpc-status', `${GrpcStatus.unimplemented}`)
  res.setHeader('grpc-message', MESSAGE)
  res.end()
}

export default fp(notFound, { name: 'lb/not-found', encapsulate: true })
