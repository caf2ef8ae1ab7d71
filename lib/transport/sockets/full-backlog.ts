import type { Socket } from 'node:net'

const FIRST_DELAY_MS = 5
const MAX_DELAY_MS = 100

/**
 * Has a plain socket that connects to a Unix socket wait for room there, as one to a port does by itself: where the queue of a
 * Unix socket is full, the system refuses at once (`EAGAIN`). It ends with whoever destroys the socket, as the time for
 * connecting does.
 */
export function retryOnFullBacklog(socket: Socket, path: string): void {
  const { destroy } = socket
  let delayMs = FIRST_DELAY_MS
  socket.destroy = (error?: Error) => {
    const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException
    if (code !== 'EAGAIN' || syscall !== 'connect' || socket.destroyed) return destroy.call(socket, error)
    setTimeout(() => connectAgain(socket, path), delayMs * (1 + Math.random()))
    delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)
    return socket
  }
}

/** With another handle, as libuv does not read from one whose first attempt has failed. */
function connectAgain(socket: Socket & { _handle?: { close(): void } | null }, path: string): void {
  if (socket.destroyed) return
  socket._handle?.close()
  socket._handle = null
  socket.connect({ path })
}
