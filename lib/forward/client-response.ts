import type { IncomingMessage, ServerResponse } from 'node:http'

/** Above this, copying a chunk into the head's string costs more than a second buffer in the write. */
const MAX_JOINED_BYTES = 16_384

/**
 * Calls back once when the client's side of an exchange is over: answered, or gone. Until its turn comes a pipelined
 * response has no socket, and is not told when the client leaves; its request's socket is.
 */
export function whenClosed(req: IncomingMessage, res: ServerResponse, closed: () => void): void {
  res.on('close', closed)
  if (res.socket !== null) return
  const { socket } = req
  socket.setMaxListeners(0)
  socket.once('close', closed)
  res.once('close', () => socket.off('close', closed))
}

/**
 * Ends a response with a body that is small and whole, in the string of its head, which Node then writes in one piece:
 * it would otherwise gather head, body and end into a vector, which costs a tenth of an exchange. Returns false, and
 * does nothing, where that cannot be.
 */
export function endJoined(res: ServerResponse, body: Buffer): boolean {
  const message = res as ServerResponse & { _header?: string | null; _headerSent?: boolean }
  if (body.length > MAX_JOINED_BYTES || !message._header || message._headerSent !== false) return false
  message._header += body.toString('latin1')
  res.end()
  return true
}
