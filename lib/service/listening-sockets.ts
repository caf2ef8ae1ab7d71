import { closeSync } from 'node:fs'
import type { ListenOptions, Server } from 'node:net'
import type { HandedOn, HandedSockets, SocketPurpose } from './handed-sockets.js'

/** What Node's server has, but does not document. */
type Listening = Server & { readonly _handle: { readonly fd: number } | null }

interface Adopted {
  readonly server: Server
  /** Where it was told to listen; undefined before, and for a socket of systemd. */
  address: string | undefined
}

/** The sockets that the servers of this process listen on: opened here, or handed over by who had them before. */
export class ListeningSockets {
  readonly #handed: HandedSockets
  readonly #adopted = new Map<SocketPurpose, Adopted>()

  constructor(handed: HandedSockets = new Map()) {
    this.#handed = handed
  }

  /** Has a server listen on the socket that was handed over for it, if there is one for its address, rather than open one. */
  adopt(purpose: SocketPurpose, server: Server): void {
    const adopted: Adopted = { server, address: undefined }
    this.#adopted.set(purpose, adopted)
    const { listen } = server
    server.listen = ((options: ListenOptions, ...rest: []) => {
      const { host, port, backlog } = options
      adopted.address = `${host} ${port}`
      const fd = this.#take(purpose, adopted)
      return listen.call(server, fd === undefined ? options : { fd, backlog }, ...rest)
    }) as typeof server.listen
  }

  #take(purpose: SocketPurpose, adopted: Adopted): number | undefined {
    const handed = this.#handed.get(purpose)
    if (!handed) return undefined
    if (handed.address === undefined) {
      adopted.address = undefined
      adopted.server.prependOnceListener('listening', () => refuseUnixSocket(adopted.server, purpose))
    } else if (handed.address !== adopted.address) {
      // Its opener accepts what waits in it, and nobody is to connect to it any more.
      closeSync(handed.fd)
      return undefined
    }
    return handed.fd
  }

  /**
   * Closes what the process before this one had for servers that this one has not: clients are to be refused there.
   * @throws if systemd hands over such a socket
   */
  closeUnwanted(): void {
    for (const [purpose, { fd, address }] of this.#handed) {
      if (this.#adopted.has(purpose)) continue
      if (address === undefined)
        throw new Error(`systemd hands over a socket for ${purpose}, which needs ${SETTINGS[purpose]}`)
      closeSync(fd)
    }
  }

  /** Whether each of them listens. */
  get areListening(): boolean {
    return [...this.#adopted.values()].every(({ server }) => server.listening)
  }

  /** The sockets that are listened on, to be handed on. */
  get open(): HandedOn[] {
    return [...this.#adopted].flatMap(([purpose, { server, address }]) => {
      const handle = (server as Listening)._handle
      return handle && server.listening ? [{ purpose, fd: handle.fd, address }] : []
    })
  }

  /**
   * Calls back when one of them cannot listen.
   * @returns ends that
   */
  onError(tell: (error: Error) => void): () => void {
    const servers = [...this.#adopted.values()].map(({ server }) => server)
    for (const server of servers) server.prependListener('error', tell)
    return () => {
      for (const server of servers) server.off('error', tell)
    }
  }
}

const SETTINGS: Record<SocketPurpose, string> = {
  client: 'PORT',
  redirect: 'LB_HTTPS_REDIRECT_PORT',
  admin: 'LB_ADMIN_PORT'
}

/**
 * Limits, sessions and logs go by the addresses of clients.
 * @throws for a Unix socket, which ends the process
 */
function refuseUnixSocket(server: Server, purpose: SocketPurpose): void {
  // Node does not know the path of one that it has not opened.
  if (server.address() === null)
    throw new Error(`What systemd hands over for ${purpose} has to be a socket of TCP`)
}
