import type { IncomingMessage, ServerResponse } from 'node:http'

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
