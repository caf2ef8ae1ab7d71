import type { Duplex } from 'node:stream'

import type { TunnelEnd, TunnelHandler } from '../../lib/transport/backend-stream'
import { ConnectionClosed } from '../../lib/transport/connection-closed'

/** A connection that undici has handed over after a change of protocol. */
export class UndiciTunnel implements TunnelEnd {
  readonly isReused = false
  /** undici reads as it likes. */
  readsBulk = false
  readonly tunnel = this
  readonly #socket: Duplex
  #handler: TunnelHandler | undefined

  constructor(socket: Duplex) {
    this.#socket = socket
    socket.on('error', (error) => this.fail(error))
  }

  attach(handler: TunnelHandler): void {
    this.#handler = handler
    this.#socket.on('data', (chunk: Buffer) => {
      this.#handler?.onData(chunk)
      this.#handler?.onReadEnd()
    })
    this.#socket.on('drain', () => this.#handler?.onDrain())
    this.#socket.on('end', () => this.#end())
    this.#socket.on('close', () => this.fail(new ConnectionClosed()))
  }

  write(chunk: Buffer): boolean {
    return this.#socket.write(chunk)
  }

  endSending(): void {
    this.#socket.end()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#handler = undefined
    this.#socket.destroy()
  }

  fail(error: Error): void {
    const handler = this.#handler
    this.destroy()
    handler?.onError(error)
  }

  #end(): void {
    const handler = this.#handler
    this.#handler = undefined
    handler?.onEnd([])
  }
}
