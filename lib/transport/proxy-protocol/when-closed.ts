import type { Socket } from 'node:net'

const WAITING = new WeakMap<Socket, (() => void)[]>()

/** Has a function called when a socket closes, with one listener for all of them, which may be many. */
export function whenClosed(socket: Socket, tell: () => void): void {
  const waiting = WAITING.get(socket)
  if (waiting) {
    waiting.push(tell)
    return
  }
  const all = [tell]
  WAITING.set(socket, all)
  socket.once('close', () => {
    for (const each of all) each()
  })
}
