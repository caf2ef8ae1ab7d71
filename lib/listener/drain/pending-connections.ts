import type { Socket } from 'node:net'

/** Connections on which a PROXY protocol header or the preface of HTTP/2 is awaited. */
export class PendingConnections {
  readonly #sockets = new Set<Socket>()

  /** Tracks a connection until it closes, or the returned function, which calls `proceed`, is called. */
  track<Args extends unknown[]>(socket: Socket, proceed: (...args: Args) => void): (...args: Args) => void {
    const leave = () => {
      this.#sockets.delete(socket)
      socket.off('close', leave)
    }
    this.#sockets.add(socket)
    socket.on('close', leave)
    return (...args) => {
      leave()
      proceed(...args)
    }
  }

  /** Closes all of them at once. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
