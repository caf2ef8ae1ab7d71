import { BrokenMessage } from './message-reader.js'

/** The health of a service (`grpc.health.v1.HealthCheckResponse.ServingStatus`), by its number. */
export const SERVING_STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const

/** Field 1 of the request, a string, and of the response, an enumeration (protobuf's wire format). */
const SERVICE_TAG = 0x0a
const STATUS_FIELD = 1

const Wire = { varint: 0, bits64: 1, bytes: 2, bits32: 5 } as const
const MAX_VARINT_BYTES = 10

/** A `HealthCheckRequest` for a service. The empty name means the whole server, and is not sent. */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service)
  if (name.length === 0) return name
  return Buffer.concat([Buffer.from([SERVICE_TAG, ...varint(name.length)]), name])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return [...bytes, value]
}

/**
 * The number of the status in a `HealthCheckResponse`; 0, the default, if the field is missing.
 * @throws {BrokenMessage} if the message cannot be read
 */
export function servingStatusOf(message: Buffer): number {
  let status = 0
  for (let at = 0; at < message.length; ) {
    const tag = readVarint(message, at)
    const field = Math.floor(tag.value / 8)
    if (field === 0) throw new BrokenMessage('no message of health')
    const { value, end } = readValue(message, tag.end, tag.value % 8)
    if (field === STATUS_FIELD && tag.value % 8 === Wire.varint) status = value
    at = end
  }
  return status
}

/** Reads a value and where it ends; only the value of a varint is used. */
function readValue(message: Buffer, at: number, wire: number): { value: number; end: number } {
  const read = wire === Wire.varint || wire === Wire.bytes ? readVarint(message, at) : { value: 0, end: at }
  if (wire === Wire.bytes) read.end += read.value
  else if (wire === Wire.bits64) read.end += 8
  else if (wire === Wire.bits32) read.end += 4
  else if (wire !== Wire.varint) throw new BrokenMessage('no message of health')
  if (read.end > message.length) throw new BrokenMessage('no message of health')
  return read
}

function readVarint(message: Buffer, from: number): { value: number; end: number } {
  let value = 0
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = message[from + i]
    if (byte === undefined) break
    value += (byte & 127) * 128 ** i
    if (byte < 128) return { value, end: from + i + 1 }
  }
  throw new BrokenMessage('no message of health')
}
