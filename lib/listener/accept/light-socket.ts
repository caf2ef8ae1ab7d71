import { EventEmitter } from 'node:events'
import { writeSync } from 'node:fs'
import { type Server, Socket } from 'node:net'
import { getDefaultHighWaterMark } from 'node:stream'
import { lose, type Written } from '../../base/sockets/lent-writer.js'
import { bulkReads, usualReads } from '../../base/sockets/read-buffer.js'
import { READ_KEYS, readAsStream } from '../../base/sockets/read-shared.js'

/** What is below a socket of Node; the same in versions 20 to 26. */
export interface SocketHandle {
  readonly fd: number
  reading: boolean
  onread: unknown
  close(): void
  readStart(): number
  useUserBuffer(buffer: Buffer): void
  setNoDelay?(isOn: boolean): number
}

/** What a server of Node keeps for its sockets. */
export type SocketServer = Server & {
  allowHalfOpen: boolean
  noDelay: boolean
  pauseOnConnect: boolean
  _connections: number
  _emitCloseIfDrained(): void
}

/** Is told what other sockets tell by events. */
export interface LightReader {
  /** Is told of bytes that the next read of any socket overwrites. */
  onRead(bytes: Buffer): void
  onClosed(): void
  /** The socket is like all others from now on, and tells by events. */
  onWhole(): void
}

type ReadCallback = (this: SocketHandle, bytes: unknown) => unknown

/** How Node tells a handle's owner of what was read; undefined if that cannot be found out. */
const reads = READ_KEYS && readCallback()

function readCallback(): { owner: symbol; onread: ReadCallback } | undefined {
  const handle: Record<PropertyKey, unknown> = {}
  try {
    new Socket({ handle, manualStart: true } as object)
  } catch {
    return undefined
  }
  const onread = handle.onread as ReadCallback
  const [owner] = Object.getOwnPropertySymbols(handle)
  return owner && typeof onread === 'function' ? { owner, onread } : undefined
}

/** Whether there can be light sockets in this version of Node. */
export const hasLightSockets = reads !== undefined

type OwnedHandle = SocketHandle & Record<symbol, LightSocket>

const ENDED = { endEmitted: true }
/** The socket that is being told of a read, until it is told of bytes. */
let told: LightSocket | undefined

function tellOwner(this: OwnedHandle, bytes: unknown): unknown {
  told = this[reads!.owner]
  const next = reads!.onread.call(this, bytes)
  told = undefined
  return next
}

/**
 * A client's connection without the streams of a socket, which few requests need. It becomes Node's socket, the same
 * object, when anything is asked of it that is not here.
 */
export class LightSocket {
  declare _handle: SocketHandle | null
  declare server: SocketServer
  declare _server: SocketServer | null
  #reader: LightReader | undefined

  constructor(handle: SocketHandle, server: SocketServer) {
    this._handle = handle
    this.server = server
    this._server = server
  }

  get destroyed(): boolean {
    return this._handle === null
  }

  get writableLength(): number {
    return 0
  }

  get writableCorked(): number {
    return 0
  }

  get writableEnded(): boolean {
    return false
  }

  get readableLength(): number {
    return 0
  }

  get readableHighWaterMark(): number {
    return getDefaultHighWaterMark(false)
  }

  /** Node asks for it when the client has ended: all has been written, and no more is answered. */
  get _readableState(): unknown {
    if (told !== this) return this.whole()._readableState
    this.destroy()
    return ENDED
  }

  get _writableState(): unknown {
    return this.whole()._writableState
  }

  /** Has what is read told to a reader, until the socket becomes whole. */
  readBy(reader: LightReader): void {
    this.#reader = reader
    const handle = this._handle as OwnedHandle
    handle[reads!.owner] = this
    handle.onread = tellOwner
    handle.useUserBuffer(usualReads)
    handle.reading = true
    if (handle.readStart() !== 0) this.destroy()
  }

  /** Takes bytes from the shared memory. */
  onShared(length: number): boolean {
    told = undefined
    this.#reader!.onRead(bulkReads.subarray(0, length))
    return true
  }

  /** Node's timer of a socket, which a light one has not. */
  _unrefTimer(): void {}

  on(event: string, listener: () => void): this {
    if (event !== 'close') return this.whole().on(event, listener) as unknown as this
    EventEmitter.prototype.on.call(this as unknown as EventEmitter, event, listener)
    return this
  }

  /** Writes at once what the system takes; for the rest the socket becomes whole. */
  write(data: string | Buffer, encoding?: BufferEncoding, written?: Written): boolean {
    const handle = this._handle
    if (typeof data !== 'string' || encoding !== 'latin1' || !handle) {
      return this.whole().write(data, encoding, written)
    }
    let length = 0
    try {
      if (data !== '') length = writeSync(handle.fd, data, null, 'latin1')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
        process.nextTick(lose, this, error, written)
        return false
      }
    }
    if (length < data.length) return this.whole().write(data.slice(length), encoding, written)
    if (written) process.nextTick(written)
    return true
  }

  /** All is written. */
  destroySoon(): void {
    this.destroy()
  }

  destroy(): this {
    const { _handle: handle, server } = this
    if (!handle) return this
    handle.close()
    this._handle = null
    server._connections--
    server._emitCloseIfDrained()
    process.nextTick(LightSocket.#tellClosed, this)
    return this
  }

  static #tellClosed(socket: LightSocket): void {
    socket.#reader?.onClosed()
    ;(socket as unknown as Socket).emit('close', false)
  }

  /** Makes it what others are. */
  whole(): Socket & { _readableState: unknown; _writableState: unknown } {
    const { _handle: handle, server } = this
    const socket = Object.setPrototypeOf(this, Socket.prototype)
    const { allowHalfOpen, noDelay, pauseOnConnect } = server
    const manualStart = handle?.reading === true
    const pauseOnCreate = pauseOnConnect && !manualStart
    Socket.call(
      socket,
      handle ? ({ handle, allowHalfOpen, noDelay, pauseOnCreate, manualStart } as object) : {}
    )
    socket.server = server
    if (handle) {
      socket._server = server
      if (manualStart) readAsStream(Object.assign(socket, { [READ_KEYS!.buffer]: usualReads }))
      this.#reader?.onWhole()
    } else socket.destroy()
    return socket
  }
}
Object.setPrototypeOf(LightSocket.prototype, Socket.prototype)

if (READ_KEYS) {
  const { buffer, nextBuffer, callback } = READ_KEYS
  const { onShared } = LightSocket.prototype
  Object.assign(LightSocket.prototype, { [buffer]: usualReads, [nextBuffer]: null, [callback]: onShared })
}
// What is set on a socket's own is set on all of it.
for (const name of ['end', 'pause', 'read', 'resume', 'setKeepAlive', 'setNoDelay', 'setTimeout'] as const) {
  const ofWhole = Socket.prototype[name] as (...args: unknown[]) => unknown
  Object.defineProperty(LightSocket.prototype, name, {
    value(this: LightSocket, ...args: unknown[]) {
      return ofWhole.apply(this.whole(), args)
    }
  })
}

/** Has a light socket read by a reader. Returns whether it is one. */
export function readLight(socket: Socket, reader: LightReader): boolean {
  const isLight = isLightSocket(socket)
  if (isLight) socket.readBy(reader)
  return isLight
}

/** Makes a light socket like all others. */
export function makeWhole(socket: Socket): void {
  if (isLightSocket(socket)) socket.whole()
}

/** Whether a connection has no streams so far. */
export function isLightSocket(socket: unknown): socket is LightSocket {
  return socket instanceof LightSocket
}
