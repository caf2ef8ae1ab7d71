import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { type RawBackend, serving } from './raw-backend.js'

export const DATA = 0
export const HEADERS = 1
export const RST_STREAM = 3
export const SETTINGS = 4
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9

export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4
export const PADDED = 8

const PREFACE_BYTES = 24
const HEAD_BYTES = 9

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

export function frameOf(type: number, flags: number, id: number, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, body])
}

export function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * i)
  return bytes
}

/** Names and values in turn, as literals that go into no table. */
export function block(...fields: string[]): Buffer {
  return Buffer.concat(
    fields.flatMap((text, i) => [
      Buffer.from(i % 2 === 0 ? [0] : []),
      lengthOf(text.length),
      Buffer.from(text, 'latin1')
    ])
  )
}

function lengthOf(length: number): Buffer {
  if (length < 127) return Buffer.from([length])
  const bytes = [127]
  let rest = length - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

/** The balancer on a connection, as its backend sees it. */
export class Peer {
  /** All that has come, but settings and what confirms them. */
  readonly frames: Frame[] = []
  readonly socket: Socket

  constructor(socket: Socket) {
    this.socket = socket
  }

  /** Those that begin a request; others on a stream are trailers. */
  get requests(): Frame[] {
    const heads = this.frames.filter(({ type }) => type === HEADERS)
    return heads.filter(({ id }, i) => heads.findIndex((head) => head.id === id) === i)
  }

  send(type: number, flags: number, id: number, payload?: Buffer | string): void {
    this.socket.write(frameOf(type, flags, id, payload))
  }

  settings(...pairs: (readonly [number, number])[]): void {
    const bytes = pairs.map(([setting, value]) => Buffer.concat([Buffer.from([0, setting]), numbers(value)]))
    this.send(SETTINGS, 0, 0, Buffer.concat(bytes))
  }

  /** The head of a response, with these fields, names and values in turn. */
  head(id: number, fields: readonly string[] = [':status', '200'], isEnd = false): void {
    this.send(HEADERS, END_HEADERS | (isEnd ? END_STREAM : 0), id, block(...fields))
  }

  data(id: number, text: string | Buffer, isEnd = false): void {
    this.send(DATA, isEnd ? END_STREAM : 0, id, text)
  }

  /** A whole response. */
  answer(id: number, body = 'ok'): void {
    this.head(id)
    this.data(id, body, true)
  }

  reset(id: number, code: number): void {
    this.send(RST_STREAM, 0, id, numbers(code))
  }

  goAway(lastId: number, code = 0): void {
    this.send(GOAWAY, 0, 0, numbers(lastId, code))
  }
}

export interface FrameBackend extends RawBackend {
  readonly peers: Peer[]
}

/**
 * A backend that shows the frames that it gets, and sends those that `onFrame` says.
 * @param greet what it sends at first, unless it is settings without any
 */
export async function framed(
  t: Test,
  onFrame: (frame: Frame, peer: Peer) => void,
  greet: (peer: Peer) => void = (peer) => peer.settings()
): Promise<FrameBackend> {
  const peers: Peer[] = []
  const backend = await serving(t, (socket) => {
    const peer = new Peer(socket)
    peers.push(peer)
    greet(peer)
    let bytes = Buffer.alloc(0)
    let at = PREFACE_BYTES
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more])
      while (bytes.length >= at + HEAD_BYTES) {
        const length = bytes.readUIntBE(at, 3)
        const end = at + HEAD_BYTES + length
        if (bytes.length < end) return
        const frame = {
          type: bytes[at + 3]!,
          flags: bytes[at + 4]!,
          id: bytes.readUInt32BE(at + 5),
          payload: bytes.subarray(at + HEAD_BYTES, end)
        }
        bytes = bytes.subarray(end)
        at = 0
        if (frame.type === SETTINGS) {
          if ((frame.flags & ACK) === 0) peer.send(SETTINGS, ACK, 0)
          continue
        }
        peer.frames.push(frame)
        onFrame(frame, peer)
      }
    })
  })
  return Object.assign(backend, { peers })
}

/** Where a frame begins a request, calls `answer` with its stream. */
export function onRequest(answer: (id: number, peer: Peer) => void): (frame: Frame, peer: Peer) => void {
  return (frame, peer) => {
    if (peer.requests.includes(frame)) answer(frame.id, peer)
  }
}
