import { writeSync } from 'node:fs'
import type { Socket } from 'node:net'

/** A connection that cannot be written to any more ends as soon as it is read: this is for what the system may do else. */
const READ_TIMEOUT_MS = 1000
/** The other side has closed or reset the connection, which loses nothing of what it had sent. */
const CUT_CODES = new Set(['ECONNRESET', 'EPIPE'])
/** For the other side to take the last of what was written, and to close the connection itself. */
const LINGERING_TIMEOUT_MS = 500
const NOTHING = Buffer.alloc(0)

/** Who reads from a socket. */
export interface SocketOwner {
  /** Nothing is read for now. */
  readonly isPaused?: boolean
  /** Nothing can be written any more. Returns whether what has arrived is worth reading. */
  onWriteFailed(): boolean
  /** The other side had ended the connection in good order, and all before that has been read; else that is an error. */
  onEnd?(): void
}

/**
 * Has what arrived on a socket read to its end when a write fails: the other side may have answered before it reset the
 * connection (RFC 9112 section 9.5), and the system keeps that, while Node would destroy the socket with it.
 */
export function surviveWriteErrors(socket: Socket, reader: SocketOwner): void {
  const { destroy } = socket
  // What Node calls with the error.
  socket.destroy = (error?: Error) => {
    if (!isFailedWrite(error) || socket.destroyed) return destroy.call(socket, error)
    socket.destroy = destroy
    if (!reader.onWriteFailed()) return socket.destroy(error)
    const fail = () => destroy.call(socket, error)
    // Writes that were under way together fail one by one.
    socket.destroy = (next?: Error) => (isFailedWrite(next) ? socket : destroy.call(socket, next))
    const timer = setInterval(() => {
      if (!reader.isPaused) fail()
    }, READ_TIMEOUT_MS)
    socket.once('close', () => clearInterval(timer))
    const { push } = socket
    // Of a stream that has failed Node reads no more.
    ;(socket as Socket & { _readableState: { errored: Error | null } })._readableState.errored = null
    socket.push = (chunk, encoding) => {
      if (chunk !== null) return push.call(socket, chunk, encoding)
      // Once a reset was told to a write, it reads as an end. One behind an end tells of itself as EPIPE.
      if (reader.onEnd && error.code === 'EPIPE') reader.onEnd()
      else fail()
      return false
    }
    return socket
  }
}

function isFailedWrite(error?: NodeJS.ErrnoException): error is NodeJS.ErrnoException {
  return error?.syscall === 'write' && CUT_CODES.has(error.code!)
}

/**
 * Whether a socket that has come to its end was reset before that: libuv tells both alike where the last bytes are read
 * together with the reset.
 */
export function wasReset(socket: Socket): boolean {
  const { fd } = (socket as Socket & { _handle?: { fd?: number } })._handle ?? {}
  if (fd === undefined || fd < 0) return false
  try {
    // Nothing is sent by that, but what happened to the connection is told.
    writeSync(fd, NOTHING)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNRESET'
  }
}

/**
 * Closes a socket after all that was written has gone. What still comes is thrown away for a while: closed with bytes
 * unread, the connection would be reset, and the other side might lose what it has not read.
 */
export function closeGracefully(socket: Socket): void {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), LINGERING_TIMEOUT_MS)
  const finish = () => socket.end(() => socket.destroy())
  socket.once('close', () => clearTimeout(timer))
  socket.end()
  if (socket.readableEnded) finish()
  else socket.once('end', finish).resume()
}
