import type { IncomingMessage } from 'node:http'
import type { BlockList, Socket } from 'node:net'
import { clientOf } from '../client/client-address.js'
import { contains } from '../client/connection-info.js'
import { clientKey } from './client-key.js'
import type { AccessConfig } from './options.js'

/** The client of a request. */
export interface Client {
  readonly address: string
  readonly isDenied: boolean
  /** Its key in the rate limiter. */
  readonly key: string
}

/** Identifies the clients of requests, and applies the lists of allowed and denied addresses. */
export class Clients {
  readonly #lists: Pick<AccessConfig, 'allow' | 'deny'>
  readonly #trusted: BlockList
  /** The latest client of each connection: mostly the only one. */
  readonly #latest = new WeakMap<Socket, Client>()

  constructor(lists: Pick<AccessConfig, 'allow' | 'deny'>, trusted: BlockList) {
    this.#lists = lists
    this.#trusted = trusted
  }

  /** The client of a request, by what trusted proxies say. */
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
