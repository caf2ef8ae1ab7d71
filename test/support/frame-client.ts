import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { Test } from 'tap'
import {
  Flag,
  type Frame,
  frame,
  PREFACE,
  readFrame,
  SETTINGS_ACK,
  Setting,
  settings,
  statusOf,
  Type
} from './http2-frames.js'
import { ReceivedBytes } from './received-bytes.js'
import { reset } from './reset.js'
import { securePorts } from './secure-ports.js'
import { atEnd, eventually } from './test.js'

/** What is not taken by then is held back. */
const TAKEN_MS = 1000

/** What a stream has had so far. */
export interface StreamState {
  /** The latest, interim or final. */
  status: number
  /** Of all its responses. */
  readonly statuses: number[]
  readonly body: Buffer[]
  bodyBytes: number
  ended: boolean
  /** The code that it was reset with. */
  resetCode: number | undefined
}

interface OpenOptions {
  /** Settings of its own, beside that its table of fields has size 0. */
  readonly own?: readonly (readonly [number, number])[]
  /** Takes the place of preface and settings. */
  readonly opening?: Buffer | string
  /** Whether all frames that come are kept. */
  readonly keepsFrames?: boolean
}

/** A client of HTTP/2 that sends the frames it is given, whatever they are, and notes those that it gets. */
export class FrameClient {
  readonly streams = new Map<number, StreamState>()
  /** The code of the latest GOAWAY. */
  goawayCode: number | undefined
  /** All that have come, if they are kept. */
  readonly frames: Frame[] = []
  /** Whether it confirms settings and PINGs: not amid a frame that it sends in parts. */
  confirms = true
  /** Called for each that comes. */
  onFrame: ((frame: Frame) => void) | undefined
  /** How many of a type have come. */
  readonly counts: number[] = Array(256).fill(0)
  /** The other side has sent all that it will. */
  ended = false
  readonly socket: Socket
  /** What is under TLS, or the same socket. */
  readonly #raw: Socket
  readonly #received = new ReceivedBytes()
  readonly #keepsFrames: boolean

  private constructor(socket: Socket, raw: Socket, keepsFrames: boolean) {
    this.socket = socket
    this.#raw = raw
    this.#keepsFrames = keepsFrames
    raw.on('error', () => {})
    socket
      .on('error', () => {})
      .on('data', (more) => this.#take(more))
      .on('end', () => {
        this.ended = true
      })
  }

  /** Opens a session: sends preface and settings at once. It is left at the end of the test. */
  static async open(t: Test, port: number, options: OpenOptions = {}): Promise<FrameClient> {
    const client = await FrameClient.connect(port, options)
    atEnd(t, () => client.leave())
    return client
  }

  /** The same for one that is left before. */
  static async connect(port: number, options: OpenOptions = {}): Promise<FrameClient> {
    const { own = [], opening: first = opening(...own), keepsFrames = false } = options
    const raw = connect({ host: '127.0.0.1', port, noDelay: true })
    const tls = securePorts.get(port)
    const socket = tls ? connectSecurely({ socket: raw, ALPNProtocols: ['h2'], ...tls }) : raw
    await once(socket, tls ? 'secureConnect' : 'connect')
    const client = new FrameClient(socket, raw, keepsFrames)
    client.send(first)
    return client
  }

  get closed(): boolean {
    return this.socket.closed
  }

  /** Its session is at an end: told so, or cut. */
  get isOver(): boolean {
    return this.goawayCode !== undefined || this.closed || this.ended
  }

  send(...parts: readonly (Buffer | string)[]): void {
    const { socket } = this
    if (!socket.writable) return
    socket.cork()
    for (const part of parts) socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part)
    socket.uncork()
  }

  /** Sends the same many times, as long as it is taken and the connection stands. */
  async flood(part: (i: number) => Buffer, count: number, batch = 500): Promise<void> {
    let isTaken = true
    let bytes: Buffer | undefined
    for (let i = 0; i < count && this.socket.writable && isTaken; i += batch) {
      const length = Math.min(batch, count - i)
      // What does not depend on its number is made once.
      if (!bytes || part.length > 0 || length < batch)
        bytes = Buffer.concat(Array.from({ length }, (_, at) => part(i + at)))
      isTaken = false
      this.socket.write(bytes, () => {
        isTaken = true
      })
      await eventually(() => isTaken || this.closed, TAKEN_MS).catch(() => {})
    }
  }

  stream(id: number): StreamState {
    let stream = this.streams.get(id)
    if (!stream) {
      stream = { status: 0, statuses: [], body: [], bodyBytes: 0, ended: false, resetCode: undefined }
      this.streams.set(id, stream)
    }
    return stream
  }

  /** Waits for the end of a stream: answered whole, reset, or with its session. */
  async over(id: number, timeoutMs?: number): Promise<StreamState> {
    const stream = this.stream(id)
    const isOver = () => stream.ended || stream.resetCode !== undefined || this.isOver
    await eventually(isOver, timeoutMs)
    return stream
  }

  /** Leaves without a word. */
  leave(): void {
    reset(this.#raw, this.socket)
  }

  #take(more: Buffer): void {
    const received = this.#received
    received.add(more)
    for (let next = readFrame(received.all); next; next = readFrame(received.all)) {
      received.take(next.size)
      this.#note(next)
    }
  }

  #note(noted: Frame): void {
    const { type, flags, id, payload } = noted
    if (this.#keepsFrames) this.frames.push(noted)
    this.onFrame?.(noted)
    this.counts[type]!++
    const isAck = (flags & Flag.ack) !== 0
    if (type === Type.settings && !isAck && this.confirms) this.send(SETTINGS_ACK)
    if (type === Type.ping && !isAck && this.confirms) this.send(frame(Type.ping, Flag.ack, 0, payload))
    if (type === Type.goaway) this.goawayCode = payload.readUInt32BE(4)
    if (id === 0) return
    const stream = this.stream(id)
    if (type === Type.reset) stream.resetCode = payload.readUInt32BE(0)
    if (type === Type.headers && !(stream.status >= 200)) {
      stream.status = statusOf(payload)
      stream.statuses.push(stream.status)
    }
    if (type === Type.data) {
      stream.body.push(payload)
      stream.bodyBytes += payload.length
    }
    if ((type === Type.headers || type === Type.data) && (flags & Flag.endStream) !== 0) stream.ended = true
  }
}

/** Preface and settings of a client. */
export function opening(...own: readonly (readonly [number, number])[]): Buffer {
  return Buffer.concat([Buffer.from(PREFACE), settings([Setting.tableSize, 0], ...own)])
}
