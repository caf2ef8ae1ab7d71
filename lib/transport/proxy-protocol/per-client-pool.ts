import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { OutgoingRequest, ResponseHandler } from '../backend-stream.js'
import { ClosingDispatcher } from '../closing-dispatcher.js'
import { whenClosed } from './when-closed.js'

/** A pool of connections to a backend. */
export interface ConnectionPool {
  dispatch(request: OutgoingRequest, handler: ResponseHandler): unknown
  /** Retires connections to other addresses than these. */
  keepOnly(addresses: ReadonlySet<string>): void
  close(): Promise<void>
  destroy(error?: Error | null): Promise<void>
}

/** How the pools of clients are made. */
export interface PerClientPoolOptions {
  /** Distinguishes the clients of one connection, which a trusted proxy may share among several. */
  readonly keyOf: (req: IncomingMessage) => string
  /** Creates the pool for the client of a request; without one, for the balancer's own requests. */
  readonly connect: (req: IncomingMessage | undefined) => ConnectionPool
}

interface Current {
  key: string
  connections: ConnectionPool
}

/**
 * A pool for each client's connection, for a backend that gets the client's address in a PROXY protocol header: a
 * connection to it carries only requests of that client. A pool closes with the client's connection, or when a proxy in
 * front sends the request of another client over that.
 */
export class PerClientPool extends ClosingDispatcher {
  readonly #options: PerClientPoolOptions
  readonly #current = new Map<Socket, Current>()
  /** Including those that are closing. */
  readonly #all = new Set<ConnectionPool>()

  constructor(options: PerClientPoolOptions) {
    super()
    this.#options = options
  }

  override dispatch(options: unknown, responseHandler: unknown): boolean {
    const request = options as OutgoingRequest
    const handler = responseHandler as ResponseHandler
    const { client } = request
    if (client && !client.socket.destroyed) {
      this.#connectionsOf(client).dispatch(request, handler)
    } else {
      const connections = this.#open(client)
      connections.dispatch(request, handler)
      this.#close(connections)
    }
    return true
  }

  keepOnly(addresses: ReadonlySet<string>): void {
    for (const connections of this.#all) connections.keepOnly(addresses)
  }

  protected override closeAll(): Promise<unknown> {
    this.#current.clear()
    return Promise.all([...this.#all].map((connections) => connections.close()))
  }

  protected override failAll(reason: Error): void {
    for (const connections of this.#all) void connections.destroy(reason)
  }

  #connectionsOf(client: IncomingMessage): ConnectionPool {
    const { socket } = client
    const key = this.#options.keyOf(client)
    const current = this.#current.get(socket)
    if (current?.key === key) return current.connections
    const connections = this.#open(client)
    if (current) {
      this.#close(current.connections)
      Object.assign(current, { key, connections })
    } else {
      this.#current.set(socket, { key, connections })
      whenClosed(socket, () => this.#forget(socket))
    }
    return connections
  }

  #forget(socket: Socket): void {
    const current = this.#current.get(socket)
    this.#current.delete(socket)
    if (current) this.#close(current.connections)
  }

  #open(client: IncomingMessage | undefined): ConnectionPool {
    const connections = this.#options.connect(client)
    this.#all.add(connections)
    return connections
  }

  #close(connections: ConnectionPool): void {
    void connections.close().then(() => this.#all.delete(connections))
  }
}
