import type { IncomingMessage } from 'node:http'
import { refuseFurtherRequests } from './client-connection.js'

/** How long a client may go on with a body that nobody reads. */
const LINGERING_TIMEOUT_MS = 2000

/**
 * Has the connection of a request end gently after the response, though the rest of the request is still to come: a
 * socket that is closed with bytes unread resets the connection, and the response would be lost on its way. What comes
 * is thrown away, for a while (RFC 9112 section 9.6).
 */
export function lingeringClose(req: IncomingMessage): void {
  const { socket } = req
  refuseFurtherRequests(socket)
  // What Node calls when the last response of a connection is written.
  socket.destroySoon = () => {
    socket.end()
    req.resume()
    const timer = setTimeout(() => socket.destroy(), LINGERING_TIMEOUT_MS)
    socket.once('end', () => socket.destroy()).once('close', () => clearTimeout(timer))
  }
}
