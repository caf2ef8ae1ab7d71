import type { IncomingMessage } from 'node:http'
import { encodeMessage, GrpcStatus } from '../../base/grpc/status.js'
import { BAD_RESPONSE, CONNECT_TIMEOUT, type Failure, RESPONSE_HEAD_TOO_LARGE } from '../failure.js'

/** The `grpc-status` of failures for which it does not follow from the status of HTTP. */
const EXCEPTIONS = new Map<Failure, number>([
  [CONNECT_TIMEOUT, GrpcStatus.unavailable],
  [BAD_RESPONSE, GrpcStatus.internal],
  [RESPONSE_HEAD_TOO_LARGE, GrpcStatus.resourceExhausted]
])

/** Any other fault of the client is a malformed request: `INTERNAL`, as gRPC servers answer it. */
const STATUS_OF_HTTP: Readonly<Record<number, number>> = {
  401: GrpcStatus.unauthenticated,
  403: GrpcStatus.permissionDenied,
  404: GrpcStatus.unimplemented,
  405: GrpcStatus.unimplemented,
  408: GrpcStatus.deadlineExceeded,
  413: GrpcStatus.resourceExhausted,
  414: GrpcStatus.resourceExhausted,
  429: GrpcStatus.resourceExhausted,
  431: GrpcStatus.resourceExhausted,
  501: GrpcStatus.unimplemented,
  502: GrpcStatus.unavailable,
  503: GrpcStatus.unavailable,
  504: GrpcStatus.deadlineExceeded,
  505: GrpcStatus.unimplemented
}

/** The `grpc-status` of a failure. */
export function grpcStatusOf(failure: Failure): number {
  return EXCEPTIONS.get(failure) ?? STATUS_OF_HTTP[failure.statusCode] ?? GrpcStatus.internal
}

/** The fields that end a call of gRPC with a failure, names and values in turn. */
export function grpcTrailers(failure: Failure): string[] {
  return ['grpc-status', `${grpcStatusOf(failure)}`, 'grpc-message', encodeMessage(failure.message)]
}

const prepared = new WeakMap<Failure, readonly string[]>()

/**
 * The fields of a response that is all head (Trailers-Only), names and values in turn.
 * @param more further fields; `Retry-After` among them is added in gRPC's form as well (proposal A6)
 */
export function grpcFields(
  { httpVersionMajor }: IncomingMessage,
  failure: Failure,
  more: readonly string[] | undefined
): readonly string[] {
  let fields = prepared.get(failure)
  if (!fields) {
    fields = ['content-type', 'application/grpc', ...grpcTrailers(failure)]
    prepared.set(failure, fields)
  }
  const pushback = more ? pushbackOf(more) : NONE
  // Over HTTP/2 the end of the stream shows that nothing follows.
  const length = httpVersionMajor === 1 ? NO_LENGTH : NONE
  return more || length !== NONE ? [...fields, ...(more ?? NONE), ...pushback, ...length] : fields
}

const NONE: readonly string[] = Object.freeze([])
const NO_LENGTH: readonly string[] = Object.freeze(['Content-Length', '0'])

function pushbackOf(fields: readonly string[]): readonly string[] {
  const at = fields.indexOf('Retry-After')
  return at === -1 ? NONE : ['grpc-retry-pushback-ms', `${1000 * Number(fields[at + 1])}`]
}
