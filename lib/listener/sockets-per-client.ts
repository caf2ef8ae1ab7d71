import type { Socket } from 'node:net'
import { clientAddress } from './client/connection-info.js'
import { type ClientCounts, LocalClientCounts } from './client-counts.js'

/** Limits the open connections of each client address. */
export class SocketsPerClient {
  readonly #max: number
  readonly #counts: ClientCounts

  /**
   * @param max 0 for no limit
   * @param counts of all threads, if there are several
   */
  constructor(max: number, counts: ClientCounts = new LocalClientCounts()) {
    this.#max = max
    this.#counts = counts
  }

  /** Whether the address of a connection is below the limit; then the connection counts until it closes. */
  admit(socket: Socket): boolean {
    if (this.#max === 0) return true
    const address = clientAddress(socket)
    if (!this.#counts.acquire(address, this.#max)) return false
    socket.once('close', () => this.#counts.release(address))
    return true
  }
}
