import type { IncomingMessage } from 'node:http'

/** Not `application/grpc-web`, whose clients read HTTP statuses. */
const GRPC_TYPE = /^application\/grpc(?:[+; \t]|$)/i
/** The same field in the text of a head. */
const GRPC_TYPE_LINE = /^content-type:[ \t]*application\/grpc(?:[+; \t\r]|$)/im
const TIMEOUT = /^(\d{1,8})([HMSmun])$/
const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6
}

/**
 * Whether a request is a gRPC call, whose client reads `grpc-status` instead of the HTTP status. A `GET` or `HEAD` is
 * none, whatever its content type: a cache could store the `200`.
 */
export function isGrpcCall({ method, headers }: IncomingMessage): boolean {
  const type = headers['content-type']
  return type !== undefined && GRPC_TYPE.test(type) && method !== 'GET' && method !== 'HEAD'
}

/** Whether the head of a response, as HTTP/1.1 text, has the content type of gRPC. */
export function isGrpcHead(text: string): boolean {
  return GRPC_TYPE_LINE.test(text)
}

/**
 * The deadline of a call, in milliseconds from now (`grpc-timeout`, gRPC's PROTOCOL-HTTP2.md); undefined if there is
 * none, or it is malformed, which the server rejects.
 */
export function timeoutOf({ headers }: IncomingMessage): number | undefined {
  const [, value, unit] = TIMEOUT.exec((headers['grpc-timeout'] as string | undefined) ?? '') ?? []
  return unit === undefined ? undefined : Number(value) * UNITS_MS[unit]!
}
