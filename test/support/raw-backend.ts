import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { ReceivedBytes } from './received-bytes.js'
import { reset } from './reset.js'
import { atEnd, eventually } from './test.js'
import { type Message, readMessage } from './wire.js'

/** Sooner than a connection to a backend is closed because it was idle. */
export const BEFORE_IDLE_MS = 3500

const LISTEN_AGAIN_MS = 20
const LISTENING_MS = 10_000

/** What a backend does with a request that has come whole. */
export type Script = (request: Message, socket: Socket) => void

/** A backend that shows the bytes it got, and sends the bytes that its script says. */
export class RawBackend {
  readonly requests: Message[] = []
  readonly sockets = new Set<Socket>()
  /** Connections so far. */
  connections = 0
  readonly #server: Server
  #port: number

  /** @param serve called for each connection */
  constructor(serve: (socket: Socket, backend: RawBackend) => void, port = 0) {
    this.#port = port
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.connections++
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
      socket.on('error', () => {})
      serve(socket, this)
    })
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  get isListening(): boolean {
    return this.#server.listening
  }

  /** Listens, again on the same port if it did before. */
  async listen(): Promise<this> {
    // Its port may be that of somebody's connection for a moment.
    const onError = () => setTimeout(() => this.#server.listen(this.#port, '127.0.0.1'), LISTEN_AGAIN_MS)
    this.#server.on('error', onError).listen(this.#port, '127.0.0.1')
    await eventually(() => this.#server.listening, LISTENING_MS)
    this.#server.off('error', onError)
    this.#port = (this.#server.address() as AddressInfo).port
    return this
  }

  /** Stops listening and cuts every connection: from now on it refuses. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) reset(socket)
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/**
 * A backend that reads whole requests, notes them and answers by `script`.
 * @param port one of `freePort()` where it stops for a while: the system gives others to somebody else
 */
export async function scripted(t: Test, script: Script, port = 0): Promise<RawBackend> {
  const serve = (socket: Socket, backend: RawBackend) => {
    const received = new ReceivedBytes()
    socket.on('data', (more) => {
      received.add(more)
      for (;;) {
        const request = readMessage(received.all, { kind: 'request' })
        if (!request) return
        received.take(request.size)
        backend.requests.push(request)
        script(request, socket)
      }
    })
  }
  return serving(t, serve, port)
}

/** A backend whose connections are in the hands of `serve` alone. */
export async function serving(
  t: Test,
  serve: (socket: Socket, backend: RawBackend) => void,
  port = 0
): Promise<RawBackend> {
  const backend = await new RawBackend(serve, port).listen()
  atEnd(t, () => backend.stop())
  return backend
}

/** A backend that does not listen, on a port that the system gives to nobody else meanwhile. */
export async function refusing(t: Test): Promise<RawBackend> {
  const backend = new RawBackend(() => {}, await freePort())
  atEnd(t, () => backend.stop())
  return backend
}

/** The script that answers every request with these bytes. */
export function answering(bytes: string | Buffer): Script {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  return (_request, socket) => void socket.write(buffer)
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
