import net from 'node:net'
import tls from 'node:tls'
import { FrameReader } from '../../lib/base/http2/frames/frame-reader'
import {
  connectionPreface,
  Flag,
  FRAME_HEAD_BYTES,
  FrameType,
  frame,
  MAX_WINDOW_BYTES,
  numberFrame,
  pingFrame,
  settingsAck
} from '../../lib/base/http2/frames/frames'
import type { Target } from './connection'

/** Small beside that of a browser: what a proxy has ready for one stream does not fill the connection for long. */
const streamWindowBytes = 1024 ** 2
const maxHeadBytes = 16_384
const firstByteOf200 = 0x88

/** What a connection tells of its streams. */
export interface Http2Events {
  connected(): void
  /** The head of a response. */
  headed(streamId: number, isGood: boolean): void
  /** A part of its body. */
  received(streamId: number, bytes: number): void
  ended(streamId: number, isWhole: boolean): void
  /** It has ended without being asked to. */
  lost(): void
}

// One for all: what was read is counted before the next read.
const readBuffer = Buffer.allocUnsafeSlow(65_536)

/** A client connection of HTTP/2 that counts the bytes of bodies, and lets the proxy send as fast as it is read. */
export class Http2Connection {
  readonly #socket: net.Socket
  readonly #events: Http2Events
  readonly #fields: Buffer
  /** What streams have had since their window was last made larger. */
  readonly #taken = new Map<number, number>()
  #takenBytes = 0
  #nextStreamId = 1

  constructor(target: Target, events: Http2Events) {
    this.#events = events
    this.#fields = requestFields(target)
    const reader = new FrameReader({
      onFrame: (type, flags, streamId, payload) => this.#onFrame(type, flags, streamId, payload),
      onDataFrame: (streamId, length) => this.#take(streamId, length),
      onData: (streamId, chunk) => this.#events.received(streamId, chunk.length),
      onDataFrameEnd: (streamId, flags) => {
        if (flags & Flag.endStream) this.#end(streamId, true)
      }
    })
    const onread = {
      buffer: readBuffer,
      callback: (bytes: number) => {
        reader.parse(readBuffer.subarray(0, bytes))
        return true
      }
    }
    const options = { host: '127.0.0.1', port: target.port, onread }
    this.#socket = target.tls
      ? tls.connect({ ...options, ALPNProtocols: ['h2'], rejectUnauthorized: false }, () => this.#begin())
      : net.connect(options, () => this.#begin())
    this.#socket.setNoDelay(true)
    // `close` follows, which is handled.
    this.#socket.on('error', () => {})
    this.#socket.on('end', () => this.#socket.destroy())
    this.#socket.on('close', () => this.#events.lost())
  }

  /** Sends a request. Returns the id of its stream. */
  get(): number {
    const streamId = this.#nextStreamId
    this.#nextStreamId += 2
    const bytes = frame(FrameType.headers, Flag.endHeaders | Flag.endStream, streamId, this.#fields.length)
    this.#fields.copy(bytes, FRAME_HEAD_BYTES)
    this.#socket.write(bytes)
    return streamId
  }

  /** Ends the connection: nothing is told of it any more. */
  close(): void {
    this.#events.lost = () => {}
    this.#socket.destroy()
  }

  #begin(): void {
    this.#socket.write(connectionPreface(streamWindowBytes, MAX_WINDOW_BYTES, maxHeadBytes))
    this.#events.connected()
  }

  #onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (type === FrameType.headers) {
      this.#events.headed(streamId, isGood(payload, flags))
      if (flags & Flag.endStream) this.#end(streamId, true)
    } else if (type === FrameType.rstStream) this.#end(streamId, false)
    else if (type === FrameType.settings && !(flags & Flag.ack)) this.#socket.write(settingsAck())
    else if (type === FrameType.ping && !(flags & Flag.ack)) this.#socket.write(pingFrame(payload, Flag.ack))
  }

  #end(streamId: number, isWhole: boolean): void {
    this.#taken.delete(streamId)
    this.#events.ended(streamId, isWhole)
  }

  /** Gives windows back once a part of them is used. */
  #take(streamId: number, bytes: number): void {
    const taken = (this.#taken.get(streamId) ?? 0) + bytes
    const isDue = taken >= streamWindowBytes / 2
    if (isDue) this.#socket.write(numberFrame(FrameType.windowUpdate, streamId, taken))
    this.#taken.set(streamId, isDue ? 0 : taken)
    this.#takenBytes += bytes
    if (this.#takenBytes < MAX_WINDOW_BYTES / 2) return
    this.#socket.write(numberFrame(FrameType.windowUpdate, 0, this.#takenBytes))
    this.#takenBytes = 0
  }
}

/** A GET: two fields of the static table, and two with values of their own that no table keeps (RFC 7541 section 6). */
function requestFields({ port, tls, path }: Target): Buffer {
  const authority = `127.0.0.1:${port}`
  return Buffer.concat([
    Buffer.from([0x82, tls ? 0x87 : 0x86, 0x04, path.length]),
    Buffer.from(path),
    Buffer.from([0x01, authority.length]),
    Buffer.from(authority)
  ])
}

/** Whether a head begins with status 200, as an entry of the static table. */
function isGood(payload: Buffer, flags: number): boolean {
  let at = (flags & Flag.padded ? 1 : 0) + (flags & Flag.priority ? 5 : 0)
  // Changes of the table's size come first.
  while (at < payload.length && payload[at]! >> 5 === 1)
    if ((payload[at++]! & 0x1f) === 0x1f) while (payload[at++]! & 0x80);
  return payload[at] === firstByteOf200
}
