import type { Socket } from 'node:net'
import { clientAddress } from './client/connection-info.js'

/** Limits the open connections of each client address. */
export class SocketsPerClient {
  readonly #max: number
  readonly #open = new Map<string, number>()

  /** @param max 0 for no limit */
  constructor(max: number) {
    this.#max = max
  }

  /** Whether the address of a connection is below the limit; then the connection counts until it closes. */
  admit(socket: Socket): boolean {
    if (this.#max === 0) return true
    const address = clientAddress(socket)
    const count = this.#open.get(address) ?? 0
    if (count >= this.#max) return false
    this.#open.set(address, count + 1)
    socket.once('close', () => this.#leave(address))
    return true
  }

  #leave(address: string): void {
    const count = this.#open.get(address)! - 1
    if (count > 0) this.#open.set(address, count)
    else this.#open.delete(address)
  }
}
