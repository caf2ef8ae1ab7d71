import type { Socket } from 'node:net'

/** Connections on which something is to come first that tells who speaks over them, or what. */
export class PendingConnections {
  readonly #sockets = new Set<Socket>()

  /** Takes a connection, until it is closed or `proceed`, which is returned with that, is called. */
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

  /** Closes them. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
