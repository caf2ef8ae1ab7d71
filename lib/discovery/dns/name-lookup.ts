import type { Addresses } from './addresses.js'
import type { DnsClient } from './client/client.js'
import type { Endpoint, Lookup } from './endpoint.js'
import { firstOf, type Outcome } from './outcome.js'

/** `dns://`: every address of a name. */
export class NameLookup implements Lookup {
  readonly #name: string
  readonly #port: number
  readonly #client: DnsClient
  readonly #addresses: Addresses

  constructor(name: string, port: number, client: DnsClient, addresses: Addresses) {
    this.#name = name
    this.#port = port
    this.#client = client
    this.#addresses = addresses
  }

  async lookUp(signal: AbortSignal): Promise<Outcome<Endpoint>> {
    const names = this.#client.candidatesOf(this.#name)
    const outcome = await firstOf(names, (name) => this.#addresses.lookUp(name, signal))
    this.#addresses.endRound()
    if (outcome.kind !== 'found') return outcome
    const port = this.#port
    const values = outcome.values.map((address) => ({ address, port, tlsName: this.#name }))
    return { ...outcome, values }
  }
}
