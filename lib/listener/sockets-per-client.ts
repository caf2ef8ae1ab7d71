import type { Socket } from 'node:net'
import { clientAddress } from './client/connection-info.js'

/** Bounds the connections that one address has open at once. */
export class SocketsPerClient {
  readonly #max: number
  readonly #open = new Map<string, number>()

  /** @param max 0 for no limit */
  constructor(max: number) {
    this.#max = max
  }

  /** Whether there is room for one more from its address; it is then counted until it closes. */
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
