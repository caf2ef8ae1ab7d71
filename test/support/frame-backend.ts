import type { Socket } from 'node:net'
import type { Test } from 'tap'
import {
  block,
  data,
  Flag,
  type Frame,
  frame,
  goaway,
  PREFACE,
  readFrame,
  reset,
  SETTINGS_ACK,
  settings,
  Type
} from './http2-frames.js'
import { pairs } from './message.js'
import { type RawBackend, serving } from './raw-backend.js'
import { ReceivedBytes } from './received-bytes.js'

/** Names and values in turn, as a block of fields. */
export function blockOf(...fields: string[]): Buffer {
  return block(pairs(fields))
}

/** The balancer on a connection, as its backend sees it. */
export class Peer {
  /** All that has come, but settings and what confirms them. */
  readonly frames: Frame[] = []
  /** Frames of settings, those that confirm among them. */
  readonly settingsFrames: Frame[] = []
  readonly socket: Socket

  constructor(socket: Socket) {
    this.socket = socket
  }

  /** Those that begin a request; others on a stream are trailers. */
  get requests(): Frame[] {
    const heads = this.frames.filter(({ type }) => type === Type.headers)
    return heads.filter(({ id }, i) => heads.findIndex((head) => head.id === id) === i)
  }

  send(type: number, flags: number, id: number, payload?: Buffer | string): void {
    this.socket.write(frame(type, flags, id, payload))
  }

  settings(...pairs: (readonly [number, number])[]): void {
    this.socket.write(settings(...pairs))
  }

  /** The head of a response, with these fields, names and values in turn. */
  head(id: number, fields: readonly string[] = [':status', '200'], isEnd = false): void {
    this.send(Type.headers, Flag.endHeaders | (isEnd ? Flag.endStream : 0), id, blockOf(...fields))
  }

  data(id: number, text: string | Buffer, isEnd = false): void {
    this.socket.write(data(id, text, isEnd))
  }

  /** A whole response. */
  answer(id: number, body = 'ok'): void {
    this.head(id)
    this.data(id, body, true)
  }

  reset(id: number, code: number): void {
    this.socket.write(reset(id, code))
  }

  goAway(lastId: number, code = 0): void {
    this.socket.write(goaway(lastId, code))
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
    const received = new ReceivedBytes()
    let isGreeted = false
    socket.on('data', (more) => {
      received.add(more)
      if (!isGreeted && received.all.length >= PREFACE.length) {
        isGreeted = true
        received.take(PREFACE.length)
      }
      for (let next = isGreeted && readFrame(received.all); next; next = readFrame(received.all)) {
        const { size, ...frame } = next
        received.take(size)
        if (frame.type === Type.settings) {
          peer.settingsFrames.push(frame)
          if ((frame.flags & Flag.ack) === 0) socket.write(SETTINGS_ACK)
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
