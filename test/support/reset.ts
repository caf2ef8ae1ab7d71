import type { Socket } from 'node:net'

/**
 * Resets a connection. One whose end is on its way is closed instead: libuv refuses to reset it, Node takes its handle
 * for closed all the same, and a process that ends by itself then waits for it for ever, at full speed.
 * @param secure TLS on the connection, which ends it too
 */
export function reset(socket: Socket, secure: Socket = socket): void {
  if (isEnding(socket) || isEnding(secure)) socket.destroy()
  else socket.resetAndDestroy()
}

function isEnding({ writableEnded, writableFinished }: Socket): boolean {
  return writableEnded && !writableFinished
}
