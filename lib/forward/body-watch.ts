import type { IncomingMessage } from 'node:http'

/**
 * Calls `late` when a client has sent nothing of its request's body for `timeoutMs`, though it could. Returns how to
 * end the watch, which the end of the body does too.
 */
export function watchBody(req: IncomingMessage, timeoutMs: number, late: () => void): () => void {
  const { socket } = req
  const onTimeout = () => {
    // A backend that takes its time holds the client back, which then is not the one that is late.
    if (req.isPaused()) socket.setTimeout(timeoutMs)
    else late()
  }
  const end = () => {
    req.off('timeout', onTimeout).off('end', end)
    socket.setTimeout(0)
  }
  // Node closes the connection by itself if nobody listens here.
  req.on('timeout', onTimeout).once('end', end)
  socket.setTimeout(timeoutMs)
  return end
}
