import net from 'node:net'
import tls from 'node:tls'

/** Where requests go and what they ask for. */
export interface Target {
  port: number
  tls: boolean
  path: string
}

/** How a connection ended without being asked to. */
export type Loss = 'connect' | 'read'

/** What a connection tells. */
export interface Events {
  connected(): void
  /** A whole response is there. */
  answered(status: number): void
  lost(how: Loss): void
}

// One for all: what was read is counted before the next read.
const readBuffer = Buffer.allocUnsafeSlow(65_536)

/** A client connection on which one request is under way at a time, with a response of known length. */
export class Connection {
  readonly #socket: net.Socket
  readonly #events: Events
  readonly #request: string
  #head = ''
  #status = 0
  #missingBytes = 0
  #hasConnected = false

  constructor(target: Target, events: Events) {
    this.#events = events
    this.#request = `GET ${target.path} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\n\r\n`
    const onread = { buffer: readBuffer, callback: (bytes: number) => this.#read(bytes) }
    const options = { host: '127.0.0.1', port: target.port, onread }
    this.#socket = target.tls
      ? tls.connect({ ...options, rejectUnauthorized: false }, () => this.#connected())
      : net.connect(options, () => this.#connected())
    this.#socket.setNoDelay(true)
    // `close` follows, which is handled.
    this.#socket.on('error', () => {})
    this.#socket.on('end', () => this.#socket.destroy())
    this.#socket.on('close', () => this.#closed())
  }

  /** Sends a request. */
  send(): void {
    this.#socket.write(this.#request, 'latin1')
  }

  /** Ends the connection: nothing is told of it any more. */
  close(): void {
    this.#events.lost = () => {}
    this.#socket.destroy()
  }

  #connected(): void {
    this.#hasConnected = true
    this.#events.connected()
  }

  #closed(): void {
    this.#events.lost(this.#hasConnected ? 'read' : 'connect')
  }

  #read(bytes: number): boolean {
    if (this.#missingBytes > 0) this.#missingBytes -= bytes
    else if (!this.#readHead(bytes)) return true
    if (this.#missingBytes < 0) this.#socket.destroy()
    else if (this.#missingBytes === 0) this.#events.answered(this.#status)
    return true
  }

  /** Whether the head is complete; a response without a length ends the connection, which counts as lost. */
  #readHead(bytes: number): boolean {
    this.#head += readBuffer.toString('latin1', 0, bytes)
    const end = this.#head.indexOf('\r\n\r\n')
    if (end === -1) return false
    this.#status = Number(this.#head.slice(9, 12))
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head.slice(0, end))
    this.#missingBytes = length ? Number(length[1]) - (this.#head.length - end - 4) : -1
    this.#head = ''
    return true
  }
}
