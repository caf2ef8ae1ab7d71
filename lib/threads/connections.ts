import type { Duplex } from 'node:stream'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type ConnectionOrigin, setOrigin } from '../listener/client/connection-info.js'
import { PortStream } from './port-stream.js'

/** A new connection: its end, and the connection of the client that it is for. */
interface Opening {
  readonly end: MessagePort
  readonly origin: ConnectionOrigin
}

/** Connections that exist while the port does over which they were opened. */
class OpenStreams {
  readonly #open = new Set<PortStream>()

  get size(): number {
    return this.#open.size
  }

  add(end: MessagePort): PortStream {
    const stream = new PortStream(end)
    this.#open.add(stream)
    stream.once('close', () => this.#open.delete(stream))
    return stream
  }

  destroyAll(): void {
    for (const stream of this.#open) stream.destroy()
  }
}

/** Opens connections to the thread at the other end of a port. */
export class ThreadClient {
  readonly #port: MessagePort
  readonly #streams = new OpenStreams()
  #isClosed = false

  /** @param port which does not keep the process alive */
  constructor(port: MessagePort) {
    this.#port = port
    port.once('close', () => {
      this.#isClosed = true
      this.#streams.destroyAll()
    })
    // Only a port that is read tells of its end.
    port.on('message', () => {})
    port.unref()
  }

  /** Undefined if the other thread is no more. */
  connect(origin: ConnectionOrigin): Duplex | undefined {
    if (this.#isClosed) return undefined
    const { port1, port2 } = new MessageChannel()
    const opening: Opening = { end: port2, origin }
    this.#port.postMessage(opening, [port2])
    return this.#streams.add(port1)
  }
}

/** Accepts the connections of other threads. */
export class ThreadServer {
  readonly #serve: (connection: Duplex) => void
  readonly #peers = new Map<MessagePort, OpenStreams>()

  /** @param serve called with each connection, which tells where the client's comes from as if it were that */
  constructor(serve: (connection: Duplex) => void) {
    this.#serve = serve
  }

  /** The connections that are open. */
  get size(): number {
    let sum = 0
    for (const streams of this.#peers.values()) sum += streams.size
    return sum
  }

  /** Accepts what comes over a port, until its thread is no more. The port does not keep the process alive. */
  listen(port: MessagePort): void {
    const streams = new OpenStreams()
    this.#peers.set(port, streams)
    port.on('message', ({ end, origin }: Opening) => {
      const stream = streams.add(end)
      setOrigin(stream, origin)
      this.#serve(stream)
    })
    port.once('close', () => {
      this.#peers.delete(port)
      streams.destroyAll()
    })
    port.unref()
  }

  /** Closes all ports, and what was opened over them. */
  close(): void {
    for (const port of this.#peers.keys()) port.close()
  }
}
