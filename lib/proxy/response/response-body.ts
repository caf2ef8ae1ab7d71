import type { ServerResponse } from 'node:http'
import { internals } from './response-internals.js'

/** Above this, copying a chunk into the head's string costs more than a second buffer in the write. */
const MAX_JOINED_BYTES = 16_384

/**
 * Writes a part of the body, in the framing of the head, and holds it until the socket is uncorked. Node's `write`
 * would do so up to the end of the tick; and from Node 24 on, it counts what waits for the client otherwise than the
 * socket does, so that the 'drain' of a response may never come.
 */
export function writePart(res: ServerResponse, part: Buffer): void {
  const message = internals(res)
  if (!message._hasBody) return
  const { socket } = res
  if (socket?.writableCorked === 0) socket.cork()
  if (!res.chunkedEncoding) {
    message._send(part, null)
    return
  }
  message._send(`${part.length.toString(16)}\r\n`, 'latin1')
  message._send(part, null)
  message._send('\r\n', 'latin1')
}

/** Calls back when all that was written has been taken, or never will be. */
export function whenTaken(res: ServerResponse, callback: () => void): void {
  internals(res)._send('', 'latin1', callback)
}

/**
 * Ends a response with a body that is small and whole, in the string of its head, which Node then writes in one piece:
 * it would otherwise gather head, body and end into a vector, which costs a tenth of an exchange. Returns false, and
 * does nothing, where that cannot be.
 */
export function endJoined(res: ServerResponse, body: Buffer): boolean {
  const message = internals(res)
  if (body.length > MAX_JOINED_BYTES || !message._header || message._headerSent) return false
  message._header += body.toString('latin1')
  res.end()
  return true
}
