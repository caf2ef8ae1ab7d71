import type { IncomingMessage } from 'node:http'
import type { BlockList, Socket } from 'node:net'
import { clientOf } from '../client/client-address.js'
import { contains } from '../client/connection-info.js'
import { clientKey } from './client-key.js'
import type { AccessConfig } from './options.js'

/** What is known of the client of a request. */
export interface Client {
  readonly address: string
  readonly isDenied: boolean
  /** Under which its requests are counted. */
  readonly key: string
}

/** Finds out who sent a request. */
export class Clients {
  readonly #lists: Pick<AccessConfig, 'allow' | 'deny'>
  readonly #trusted: BlockList
  /** The latest of each connection: mostly it is the only one. */
  readonly #latest = new WeakMap<Socket, Client>()

  constructor(lists: Pick<AccessConfig, 'allow' | 'deny'>, trusted: BlockList) {
    this.#lists = lists
    this.#trusted = trusted
  }

  of(req: IncomingMessage): Client {
    const address = clientOf(req, this.#trusted)
    const latest = this.#latest.get(req.socket)
    if (latest?.address === address) return latest
    const client = { address, isDenied: this.#denies(address), key: clientKey(address) }
    this.#latest.set(req.socket, client)
    return client
  }

  #denies(address: string): boolean {
    const { allow, deny } = this.#lists
    return (
      (deny !== undefined && contains(deny, address)) || (allow !== undefined && !contains(allow, address))
    )
  }
}
