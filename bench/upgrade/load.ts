import { connect as connectPlain, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectSecurely } from 'node:tls'

/** What clients do. */
export interface LoadOptions {
  readonly port: number
  readonly isSecure: boolean
  readonly clients: number
  /** Of the clients, those that open a connection for each request. */
  readonly newShare: number
  /** The longest pause between two requests of a client. */
  readonly maxPauseMs: number
}

const HEAD_END = '\r\n\r\n'

/** What came of the requests so far. */
export interface LoadCounts {
  answered: number
  /** Connections that were opened. */
  opened: number
  /** Why requests failed, or connections did. */
  readonly failures: string[]
  /** Kept connections that were closed without being announced in a response. */
  closedUnasked: number
}

/** Clients that send one request after another, each over a connection that it keeps or over a new one. */
export class Load {
  readonly counts: LoadCounts = { answered: 0, opened: 0, failures: [], closedUnasked: 0 }
  readonly #options: LoadOptions
  readonly #clients: Promise<void>[]
  #isOver = false

  constructor(options: LoadOptions) {
    this.#options = options
    const { clients, newShare } = options
    this.#clients = Array.from({ length: clients }, (_, i) => this.#client(i < clients * newShare))
  }

  async stop(): Promise<LoadCounts> {
    this.#isOver = true
    await Promise.all(this.#clients)
    return this.counts
  }

  async #client(opensEach: boolean): Promise<void> {
    let connection: Connection | undefined
    while (!this.#isOver) {
      await sleep(Math.random() * this.#options.maxPauseMs)
      if (connection?.isClosed) {
        if (!connection.wasAnnounced) this.counts.closedUnasked++
        connection = undefined
      }
      try {
        connection ??= await this.#open()
        await connection.request(opensEach)
        this.counts.answered++
        if (opensEach || connection.wasAnnounced) {
          connection.end()
          connection = undefined
        }
      } catch (error) {
        this.counts.failures.push((error as Error).message)
        connection?.end()
        connection = undefined
      }
    }
    connection?.end()
  }

  #open(): Promise<Connection> {
    const { port, isSecure } = this.#options
    this.counts.opened++
    return new Promise((resolve, reject) => {
      const onOpen = () => {
        socket.off('error', reject)
        resolve(new Connection(socket))
      }
      const socket: Socket = isSecure
        ? connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false }, onOpen)
        : connectPlain({ port, host: '127.0.0.1', noDelay: true }, onOpen)
      socket.once('error', reject)
    })
  }
}

/** A connection that carries one request after another. */
class Connection {
  isClosed = false
  /** Whether a response has said that it is the last one. */
  wasAnnounced = false
  readonly #socket: Socket
  #received = ''
  #waiting: { resolve(): void; reject(error: Error): void } | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1').on('data', (text: string) => this.#read(text))
    let error = 'closed without an answer'
    socket.on('error', ({ message }) => {
      error = message
    })
    socket.on('close', () => {
      this.isClosed = true
      this.#waiting?.reject(new Error(error))
    })
    socket.on('end', () => socket.end())
  }

  request(isLast: boolean): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
    this.#received = ''
    this.#socket.write(`GET /33 HTTP/1.1\r\nHost: x\r\n${isLast ? 'Connection: close\r\n' : ''}\r\n`)
    return answered
  }

  end(): void {
    this.#socket.destroy()
  }

  #read(text: string): void {
    this.#received += text
    const end = this.#received.indexOf(HEAD_END)
    if (end === -1) return
    const head = this.#received.slice(0, end)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
    if (this.#received.length < end + HEAD_END.length + length) return
    const waiting = this.#waiting
    this.#waiting = undefined
    if (!head.startsWith('HTTP/1.1 200 ')) waiting?.reject(new Error(head.split('\r\n')[0]))
    if (/connection: close/i.test(head)) this.wasAnnounced = true
    waiting?.resolve()
  }
}
