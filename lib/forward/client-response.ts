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
 * Ends a response with its last chunk. A small body that is whole goes into the string of the head, which Node then
 * writes in one piece; it would otherwise gather head, body and end into a vector, which costs a tenth of an exchange.
 */
export function endWith(res: ServerResponse, chunk: Buffer | undefined): void {
  const message = res as ServerResponse & { _header?: string | null; _headerSent?: boolean }
  if (chunk && chunk.length <= MAX_JOINED_BYTES && message._header && message._headerSent === false) {
    message._header += chunk.toString('latin1')
    res.end()
  } else {
    res.end(chunk)
  }
}
