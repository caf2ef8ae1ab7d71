import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify'
import { ApiError, wrongBackend } from '../../../lib/admin/api-error.js'
import { SpecError } from '../../../lib/pool/spec/json-spec.js'

/** Answers with an error, in the shape of Fastify's errors. */
export function answerError(
  error: FastifyError | ApiError,
  request: FastifyRequest,
  reply: FastifyReply
): void {
  const known = error instanceof SpecError ? wrongBackend(error.message) : error
  const statusCode = known.statusCode ?? 500
  const isOurs = statusCode >= 500 && !(known instanceof ApiError)
  if (isOurs) request.log.error({ err: error }, 'The API failed')
  if (statusCode === 401) reply.header('WWW-Authenticate', 'Bearer')
  reply.code(statusCode).send({
    statusCode,
    code: isOurs ? 'LB_FAILED' : known.code,
    error: STATUS_CODES[statusCode],
    message: isOurs ? 'Something went wrong: see the log' : known.message
  })
}

/** Describes where a request violates its schema. */
export function describeFault([fault]: FastifySchemaValidationError[], part: string): Error {
  const { instancePath, message, params } = fault!
  const unknown = params.additionalProperty
  const what = unknown === undefined ? message : `must not have "${unknown}"`
  return new Error(`${part}${instancePath} ${what}`)
}
