/** Frame types (RFC 9113 section 6). */
export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
  /** RFC 9218 section 7.1. */
  priorityUpdate: 0x10
} as const

/** Flags of frames. */
export const Flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const

/** Settings (RFC 9113 section 6.5.2). */
export const Setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  /** RFC 8441 section 3. */
  enableConnectProtocol: 8,
  /** RFC 9218 section 2.1. */
  noRfc7540Priorities: 9
} as const

/** Error codes that are used here (RFC 9113 section 7). */
export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11
} as const

/** The names of all error codes, by number. */
const ERROR_NAMES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED'
]

/** The first bytes of a client's connection (RFC 9113 section 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const FRAME_HEAD_BYTES = 9
/** Overhead of a field in SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 section 6.5.2), and how many are allowed for. */
const FIELD_OVERHEAD_BYTES = 32
const AMPLE_FIELDS = 1000
export const SETTING_BYTES = 6
/** Unless SETTINGS_MAX_FRAME_SIZE allows more. */
export const MAX_FRAME_BYTES = 16_384
export const DEFAULT_WINDOW_BYTES = 65_535
export const MAX_WINDOW_BYTES = 2 ** 31 - 1

/** The name of an error code, such as `PROTOCOL_ERROR`. */
export function errorName(code: number): string {
  return ERROR_NAMES[code] ?? `error ${code}`
}

/** A frame whose payload is to be filled in. */
export function frame(type: number, flags: number, streamId: number, payloadBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payloadBytes)
  writeFrameHead(bytes, payloadBytes, type, flags, streamId)
  return bytes
}

/** Writes a frame header at a position (RFC 9113 section 4.1). */
export function writeFrameHead(
  bytes: Buffer,
  payloadBytes: number,
  type: number,
  flags: number,
  streamId: number,
  at = 0
): void {
  bytes[at] = payloadBytes >> 16
  bytes[at + 1] = payloadBytes >> 8
  bytes[at + 2] = payloadBytes
  bytes[at + 3] = type
  bytes[at + 4] = flags
  writeUInt32(bytes, streamId, at + 5)
}

/** A frame with one 32-bit number as its payload: RST_STREAM or WINDOW_UPDATE. */
export function numberFrame(type: number, streamId: number, number: number): Buffer {
  const bytes = frame(type, 0, streamId, 4)
  writeUInt32(bytes, number, FRAME_HEAD_BYTES)
  return bytes
}

/** A SETTINGS frame. */
export function settingsFrame(settings: readonly (readonly [setting: number, value: number])[]): Buffer {
  const bytes = frame(FrameType.settings, 0, 0, SETTING_BYTES * settings.length)
  for (const [i, [setting, value]] of settings.entries()) {
    bytes.writeUInt16BE(setting, FRAME_HEAD_BYTES + SETTING_BYTES * i)
    writeUInt32(bytes, value, FRAME_HEAD_BYTES + SETTING_BYTES * i + 2)
  }
  return bytes
}

/**
 * The connection preface of a client (RFC 9113 section 3.4), and a WINDOW_UPDATE for the connection.
 * @param streamWindow receive window of each stream, in bytes
 * @param window receive window of the connection
 * @param maxHeadBytes limit of a head, as text
 */
export function connectionPreface(streamWindow: number, window: number, maxHeadBytes: number): Buffer {
  const settings = settingsFrame([
    [Setting.enablePush, 0],
    [Setting.initialWindowSize, streamWindow],
    [Setting.maxHeaderListSize, maxHeadBytes + AMPLE_FIELDS * FIELD_OVERHEAD_BYTES]
  ])
  const more = numberFrame(FrameType.windowUpdate, 0, window - DEFAULT_WINDOW_BYTES)
  return Buffer.concat([PREFACE, settings, more])
}

/** Acknowledges SETTINGS. */
export function settingsAck(): Buffer {
  return frame(FrameType.settings, Flag.ack, 0, 0)
}

/**
 * A GOAWAY (RFC 9113 section 6.8).
 * @param lastId the last stream of the peer that was, or may be, processed
 */
export function goAwayFrame(errorCode: number, lastId = 0): Buffer {
  const bytes = frame(FrameType.goAway, 0, 0, 8)
  writeUInt32(bytes, lastId, FRAME_HEAD_BYTES)
  writeUInt32(bytes, errorCode, FRAME_HEAD_BYTES + 4)
  return bytes
}

/**
 * A PING, or its acknowledgement.
 * @param data 8 bytes
 */
export function pingFrame(data: Buffer, flags: number): Buffer {
  const bytes = frame(FrameType.ping, flags, 0, 8)
  data.copy(bytes, FRAME_HEAD_BYTES)
  return bytes
}

/** Writes a number in network byte order. */
export function writeUInt32(bytes: Buffer, value: number, at: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
