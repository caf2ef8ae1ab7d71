import { Socket } from 'node:net'
import type { Counters } from '../../base/cells/counters.js'
import { BalancerCell } from '../../pool/cells.js'
import type { BackendStream, TunnelEnd, TunnelHandler } from '../../transport/backend-stream.js'
import { closeGracefully } from '../../transport/sockets/socket-end.js'
import type { ClientStream, ClientTunnel } from '../response/client-stream.js'

/** Counts the bytes in a tunnel. */
export interface TunnelProgress {
  onTunnelSent(bytes: number): void
  onTunnelReceived(bytes: number): void
}

interface TunnelOptions {
  readonly registry: { readonly counters: Counters }
  /** After so long without a byte in either direction it is closed. */
  readonly tunnelTimeoutMs: number
}

/**
 * Opens a tunnel, which is counted until it closes.
 * @param attempt whose backend has agreed to change the protocol
 * @param early what the client sent after its request
 */
export function openTunnel(
  client: ClientStream,
  attempt: TunnelProgress & { readonly stream: BackendStream | undefined },
  { registry: { counters }, tunnelTimeoutMs }: TunnelOptions,
  early: Buffer
): void {
  counters.change(BalancerCell.tunnels, 1)
  let isOpen = true
  client.whenOver(() => {
    if (isOpen) counters.change(BalancerCell.tunnels, -1)
    isOpen = false
  })
  new Tunnel(attempt.stream!.tunnel!, client.clientTunnel(), attempt, tunnelTimeoutMs).start(early)
}

/** Passes bytes in both directions between a client and a backend that have changed to another protocol. */
class Tunnel implements TunnelHandler {
  readonly #connection: TunnelEnd
  readonly #client: ClientTunnel
  readonly #progress: TunnelProgress
  #isHolding = false
  /** Whether the backend's side is closed. */
  #isOver = false

  /** @param idleMs after so long without a byte in either direction it is closed */
  constructor(connection: TunnelEnd, client: ClientTunnel, progress: TunnelProgress, idleMs: number) {
    this.#connection = connection
    this.#client = client
    this.#progress = progress
    client.setTimeout(idleMs, () => client.destroy())
  }

  /** Passes on what the client sent `early`, after its request, and all that follows. */
  start(early: Buffer): void {
    const client = this.#client
    this.#connection.attach(this)
    if (early.length > 0) this.#send(early)
    client.on('data', (chunk: Buffer) => this.#send(chunk))
    client.on('end', () => this.#connection.endSending())
    client.resume()
  }

  #send(chunk: Buffer): void {
    if (this.#isOver) return
    this.#progress.onTunnelSent(chunk.length)
    if (!this.#connection.write(chunk)) this.#client.pause()
  }

  onDrain(): void {
    this.#client.resume()
  }

  onData(chunk: Buffer): void {
    this.#progress.onTunnelReceived(chunk.length)
    this.#client.write(Buffer.from(chunk))
  }

  onReadEnd(): void {
    const client = this.#client
    if (client.writableLength === 0 || !client.writableNeedDrain || this.#isHolding) return
    this.#isHolding = true
    this.#connection.pause()
    client.once('drain', () => {
      this.#isHolding = false
      this.#connection.resume()
    })
  }

  onEnd(): void {
    const client = this.#client
    this.#isOver = true
    client.end(() => {
      if (client instanceof Socket) closeGracefully(client)
      else client.destroy()
    })
    client.resume()
  }

  /** The client gets what came before the error. */
  onError(): void {
    this.onEnd()
  }
}
