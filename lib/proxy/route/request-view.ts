import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Destination } from '../../base/http/request-target.js'
import { clientOf } from '../../listener/client/client-address.js'
import { connectionInfo, proxyHeaderOf } from '../../listener/client/connection-info.js'
import type { RoutedRequest } from '../../routing/routed-request.js'
import { namedHost } from '../request/named-host.js'

/** A client's request as routes look at it. One object shows one request after the other. */
export class RequestView implements RoutedRequest {
  #req!: IncomingMessage
  #destination!: Destination
  readonly #trusted: BlockList

  /** @param trusted proxies whose word on the client is believed */
  constructor(trusted: BlockList) {
    this.#trusted = trusted
  }

  /** Shows another request, until the next one is shown. */
  of(req: IncomingMessage, destination: Destination): this {
    this.#req = req
    this.#destination = destination
    return this
  }

  get method(): string {
    return this.#req.method!
  }

  get target(): string {
    return this.#destination.path
  }

  get host(): string | undefined {
    return namedHost(this.#req, this.#destination)
  }

  get headers(): IncomingMessage['headers'] {
    return this.#req.headers
  }

  get clientAddress(): string {
    return clientOf(this.#req, this.#trusted)
  }

  get localPort(): number {
    return connectionInfo(this.#req.socket, this.#trusted).localPort
  }

  get tlsName(): string | undefined {
    const { socket } = this.#req
    const { servername } = socket as TLSSocket & { readonly servername?: string | false }
    return servername || proxyHeaderOf(socket)?.authority
  }
}
