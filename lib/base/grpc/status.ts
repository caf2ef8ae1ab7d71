/** Status codes of gRPC that are sent here (gRPC's statuscodes.md). */
export const GrpcStatus = {
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16
} as const

const NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED'
]

/** The name of a status, such as `UNAVAILABLE`; its number if it has none. */
export function statusName(status: number): string {
  return NAMES[status] ?? `${status}`
}

/** Characters that a `grpc-message` encodes: all but printable ASCII, and `%` (gRPC's PROTOCOL-HTTP2.md). */
const ENCODED = /[^\x20-\x24\x26-\x7e]/g

/** Percent-encodes a text, as UTF-8, for `grpc-message`. */
export function encodeMessage(text: string): string {
  return Buffer.from(text).toString('latin1').replace(ENCODED, encodedByte)
}

function encodedByte(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

const ESCAPE = /%([0-9a-fA-F]{2})/g

/**
 * Decodes a `grpc-message`. Invalid escapes are left as they are.
 * @param message in latin1
 */
export function decodeMessage(message: string): string {
  const bytes = message.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
