import type { IncomingMessage } from 'node:http'

/** Not `application/grpc-web`, whose clients read HTTP statuses. */
const GRPC_TYPE = /^application\/grpc(?:[+; \t]|$)/i
/** A field of a head, a line each. */
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
 * Whether a request is a call of gRPC, whose client reads `grpc-status` and not the status of HTTP. A `GET` or `HEAD` is
 * none, whatever it says: its `200` could be kept by a cache.
 */
export function isGrpcCall({ method, headers }: IncomingMessage): boolean {
  const type = headers['content-type']
  return type !== undefined && GRPC_TYPE.test(type) && method !== 'GET' && method !== 'HEAD'
}

/** Whether the head of a response, in the text of HTTP/1.1, says that messages of gRPC follow. */
export function isGrpcHead(text: string): boolean {
  return GRPC_TYPE_LINE.test(text)
}

/**
 * The time that a client gives a call, in milliseconds (`grpc-timeout` of gRPC's PROTOCOL-HTTP2.md); undefined if it
 * gives none, or what it says is malformed, which is for the server to refuse.
 */
export function timeoutOf({ headers }: IncomingMessage): number | undefined {
  const [, value, unit] = TIMEOUT.exec((headers['grpc-timeout'] as string | undefined) ?? '') ?? []
  return unit === undefined ? undefined : Number(value) * UNITS_MS[unit]!
}
