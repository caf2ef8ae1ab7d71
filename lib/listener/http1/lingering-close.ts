import type { IncomingMessage } from 'node:http'
import { refuseFurtherRequests } from './client-connection.js'

/** How long the rest of a request is read and discarded. */
const LINGERING_TIMEOUT_MS = 2000

/**
 * Closes the connection of an incomplete request after its response, as nginx's `lingering_close` does: closing a socket
 * with unread bytes resets the connection, and the client could lose the response. The rest of the request is read and
 * discarded for a while (RFC 9112 section 9.6).
 */
export function lingeringClose(req: IncomingMessage): void {
  const { socket } = req
  refuseFurtherRequests(socket)
  // Node calls this after the last response of a connection.
  socket.destroySoon = () => {
    socket.end()
    req.resume()
    const timer = setTimeout(() => socket.destroy(), LINGERING_TIMEOUT_MS)
    socket.once('end', () => socket.destroy()).once('close', () => clearTimeout(timer))
  }
}
