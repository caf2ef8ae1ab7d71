/** Types of frames (RFC 9113 section 6). */
export const Type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
  /** RFC 9218, section 7.1. */
  priorityUpdate: 16
} as const

export const Flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const

/** Settings (section 6.5.2). */
export const Setting = {
  tableSize: 1,
  enablePush: 2,
  maxStreams: 3,
  window: 4,
  maxFrame: 5,
  maxFields: 6,
  /** RFC 8441, section 3. */
  connectProtocol: 8,
  /** RFC 9218, section 2.1. */
  noPriorities: 9
} as const

/** Error codes (section 7). */
export const Code = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  connect: 10,
  calm: 11
} as const

/** What a session begins with (section 3.4). */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

const HEAD_BYTES = 9
const MAX_PAYLOAD = 16_384
const NOTHING = Buffer.alloc(0)

/** Names and values; text as latin1. */
export type Fields = readonly (readonly [name: string, value: string])[]

/** The fields of a plain request that every server takes, with more behind them. */
export const get = (path = '/', ...more: Fields): Fields => request('GET', path, ...more)

export const request = (method: string, path: string, ...more: Fields): Fields => [
  [':method', method],
  [':scheme', 'http'],
  [':authority', 'x'],
  [':path', path],
  ...more
]

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

export function frame(type: number, flags: number, id: number, payload: Buffer | string = NOTHING): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUIntBE(bytes.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, bytes])
}

/** The first whole frame in these bytes, and its size. */
export function readFrame(bytes: Buffer): (Frame & { readonly size: number }) | undefined {
  if (bytes.length < HEAD_BYTES) return undefined
  const size = HEAD_BYTES + bytes.readUIntBE(0, 3)
  if (bytes.length < size) return undefined
  const id = bytes.readUInt32BE(5) & 0x7fff_ffff
  return { type: bytes[3]!, flags: bytes[4]!, id, payload: bytes.subarray(HEAD_BYTES, size), size }
}

/** Fields as literals that no table learns, without Huffman codes (RFC 7541 section 6.2.2). */
export function block(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [NEW_NAME, literal(name), literal(value)]))
}

const NEW_NAME = Buffer.from([0])

/** A string (RFC 7541 section 5.2). */
export function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  return Buffer.concat([integer(bytes.length, 7, 0), bytes])
}

/** A number with a prefix of so many bits, the bits before which are those of `first` (RFC 7541 section 5.1). */
export function integer(value: number, prefixBits: number, first: number): Buffer {
  const limit = 2 ** prefixBits - 1
  if (value < limit) return Buffer.from([first | value])
  const bytes = [first | limit]
  let rest = value - limit
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

export interface HeadersOptions {
  /** A body is to follow. */
  readonly open?: boolean
}

/** A head, in as many frames as it takes. */
export function headers(id: number, fields: Fields, { open = false }: HeadersOptions = {}): Buffer {
  const bytes = block(fields)
  const frames: Buffer[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += MAX_PAYLOAD) {
    const isLast = at + MAX_PAYLOAD >= bytes.length
    const flags = (isLast ? Flag.endHeaders : 0) | (at === 0 && !open ? Flag.endStream : 0)
    const type = at === 0 ? Type.headers : Type.continuation
    frames.push(frame(type, flags, id, bytes.subarray(at, at + MAX_PAYLOAD)))
  }
  return Buffer.concat(frames)
}

export const data = (id: number, payload: Buffer | string, end = false): Buffer =>
  frame(Type.data, end ? Flag.endStream : 0, id, payload)

export const reset = (id: number, code = 8): Buffer => frame(Type.reset, 0, id, uint32(code))

export const window = (id: number, increment: number): Buffer => frame(Type.window, 0, id, uint32(increment))

export const ping = (flags = 0): Buffer => frame(Type.ping, flags, 0, 'pingpong')

export const goaway = (lastId: number, code = 0): Buffer => frame(Type.goaway, 0, 0, uint32(lastId, code))

export function settings(...pairs: readonly (readonly [setting: number, value: number])[]): Buffer {
  const entries = pairs.map(([setting, value]) => Buffer.concat([Buffer.from([0, setting]), uint32(value)]))
  return frame(Type.settings, 0, 0, Buffer.concat(entries))
}

export const SETTINGS_ACK = frame(Type.settings, Flag.ack, 0)

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * i)
  return bytes
}

/** Static entries of HPACK that are statuses (RFC 7541 appendix A), from the eighth on. */
const STATUSES = [200, 204, 206, 304, 400, 404, 500]
const STATUS_INDEX = 8

/** The status of a response whose sender may learn no fields: the table of who reads it has size 0. */
export function statusOf(payload: Buffer): number {
  let at = 0
  // The size of the table is told first.
  while ((payload[at]! & 0xe0) === 0x20) at++
  const first = payload[at]!
  if ((first & 0x80) !== 0) return STATUSES[(first & 0x7f) - STATUS_INDEX] ?? Number.NaN
  const length = payload[at + 1]! & 0x7f
  const text = payload.subarray(at + 2, at + 2 + length)
  return Number((payload[at + 1]! & 0x80) === 0 ? text.toString('latin1') : digits(text))
}

/** Digits in Huffman codes (RFC 7541 appendix B): 0 to 2 have five bits, the others six. */
function digits(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  let text = ''
  for (let at = 0; bits.length - at >= 5; ) {
    const short = Number.parseInt(bits.slice(at, at + 5), 2)
    if (short <= 2) {
      text += short
      at += 5
    } else {
      const long = Number.parseInt(bits.slice(at, at + 6), 2)
      if (long < 0x19 || long > 0x1f) break
      text += long - 0x19 + 3
      at += 6
    }
  }
  return text
}
