import type { Socket } from 'node:net'

const FIRST_DELAY_MS = 5
const MAX_DELAY_MS = 100

/**
 * Retries a connection to a Unix socket while its backlog is full: the system then fails at once with `EAGAIN`, where it
 * would wait for TCP. The retries end when the socket is destroyed, as the connect timeout does.
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

/** With a new handle: libuv does not read from one whose first attempt failed. */
function connectAgain(socket: Socket & { _handle?: { close(): void } | null }, path: string): void {
  if (socket.destroyed) return
  socket._handle?.close()
  socket._handle = null
  socket.connect({ path })
}
