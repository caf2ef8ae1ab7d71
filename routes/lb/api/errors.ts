import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify'
import { ApiError, wrongBackend } from '../../../lib/admin/api-error.js'
import { SpecError } from '../../../lib/pool/spec/json-spec.js'

/** Answers what is refused, in the shape of Fastify's errors. */
export function answerError(
  error: FastifyError | ApiError,
  request: FastifyRequest,
  reply: FastifyReply
): void {
  const told = error instanceof SpecError ? wrongBackend(error.message) : error
  const statusCode = told.statusCode ?? 500
  const isOurs = statusCode >= 500 && !(told instanceof ApiError)
  if (isOurs) request.log.error({ err: error }, 'The API failed')
  if (statusCode === 401) reply.header('WWW-Authenticate', 'Bearer')
  reply.code(statusCode).send({
    statusCode,
    code: isOurs ? 'LB_FAILED' : told.code,
    error: STATUS_CODES[statusCode],
    message: isOurs ? 'Something went wrong: see the log' : told.message
  })
}

/** Says what of a request is not as its schema wants it. */
export function describeFault([fault]: FastifySchemaValidationError[], part: string): Error {
  const { instancePath, message, params } = fault!
  const unknown = params.additionalProperty
  const what = unknown === undefined ? message : `must not have "${unknown}"`
  return new Error(`${part}${instancePath} ${what}`)
}
