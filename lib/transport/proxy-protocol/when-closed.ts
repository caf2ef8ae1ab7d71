import type { Socket } from 'node:net'

const CALLBACKS = new WeakMap<Socket, (() => void)[]>()

/** Calls back when a socket closes. All callbacks of a socket share one listener, as they may be many. */
export function whenClosed(socket: Socket, callback: () => void): void {
  const waiting = CALLBACKS.get(socket)
  if (waiting) {
    waiting.push(callback)
    return
  }
  const all = [callback]
  CALLBACKS.set(socket, all)
  socket.once('close', () => {
    for (const each of all) each()
  })
}
