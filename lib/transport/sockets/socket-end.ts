import { writeSync } from 'node:fs'
import type { Socket } from 'node:net'

/** After a failed write, reading the rest ends the connection at once. This timeout is a safeguard. */
const READ_TIMEOUT_MS = 1000
/** The other side has closed or reset the connection: what it sent before can still be read. */
const CLOSED_CODES = new Set(['ECONNRESET', 'EPIPE'])
/** Time for the other side to read the rest, and to close the connection. */
const LINGERING_TIMEOUT_MS = 500
const NOTHING = Buffer.alloc(0)

/** The owner of a socket, as it reacts to a failed write. */
export interface SocketOwner {
  /** Whether reading is paused. */
  readonly isPaused?: boolean
  /** A write failed. Returns whether what has arrived should be read. */
  onWriteFailed(): boolean
  /** The other side had closed the connection without a reset, and all was read. Absent: that is an error. */
  onEnd?(): void
}

/**
 * Keeps a socket open for reading when a write fails: the other side may have responded before it closed the connection
 * (RFC 9112 section 9.5). The system keeps that response, while Node would destroy the socket.
 */
export function surviveWriteErrors(socket: Socket, reader: SocketOwner): void {
  const { destroy } = socket
  // Node calls this with the error.
  socket.destroy = (error?: Error) => {
    if (!isFailedWrite(error) || socket.destroyed) return destroy.call(socket, error)
    socket.destroy = destroy
    if (!reader.onWriteFailed()) return socket.destroy(error)
    const fail = () => destroy.call(socket, error)
    // Concurrent writes fail one by one.
    socket.destroy = (next?: Error) => (isFailedWrite(next) ? socket : destroy.call(socket, next))
    const timer = setInterval(() => {
      if (!reader.isPaused) fail()
    }, READ_TIMEOUT_MS)
    socket.once('close', () => clearInterval(timer))
    const { push } = socket
    // Node does not read from a stream with an error.
    ;(socket as Socket & { _readableState: { errored: Error | null } })._readableState.errored = null
    socket.push = (chunk, encoding) => {
      if (chunk !== null) return push.call(socket, chunk, encoding)
      // After a write has reported the reset, reading reports an end. EPIPE means an end that came before the reset.
      if (reader.onEnd && error.code === 'EPIPE') reader.onEnd()
      else fail()
      return false
    }
    return socket
  }
}

function isFailedWrite(error?: NodeJS.ErrnoException): error is NodeJS.ErrnoException {
  return error?.syscall === 'write' && CLOSED_CODES.has(error.code!)
}

/**
 * Whether a socket that has ended was reset: libuv reports an end for a reset that is read together with the last bytes.
 */
export function wasReset(socket: Socket): boolean {
  const { fd } = (socket as Socket & { _handle?: { fd?: number } })._handle ?? {}
  if (fd === undefined || fd < 0) return false
  try {
    // An empty write sends nothing, and reports the socket's pending error.
    writeSync(fd, NOTHING)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNRESET'
  }
}

/**
 * Closes a socket once all is written. What still arrives is read and discarded for a while (lingering close): closing
 * with unread bytes would reset the connection, and the other side could lose what it has not read.
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
