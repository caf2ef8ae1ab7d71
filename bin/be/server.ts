import { lstatSync, unlinkSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type Answer, createAnswer, type Place, sendText } from './answer.js'
import { type Behaviour, DEFAULT_BEHAVIOUR } from './behaviour.js'
import { type Controls, control } from './control.js'
import { type BackendStats, createCounts } from './counts.js'
import { after, hasBody } from './request.js'

const KEEP_ALIVE_TIMEOUT_MS = 65_000
// Thousands of connections may be opened at once; the system cuts this to its own limit.
const BACKLOG = 4096

export interface BackendOptions extends Partial<Behaviour> {
  /** Port to listen on (default 0: the system chooses). */
  readonly port?: number
  /** Address to listen on (default: all interfaces). */
  readonly address?: string
  /** Path of a Unix socket to listen on instead. */
  readonly socket?: string
  /** Called for every change of behaviour over HTTP. */
  readonly onChange?: (changes: Partial<Behaviour>) => void
}

/** A backend for demonstrations, tests and benchmarks: it answers, slowly or wrongly if told so, and counts. */
export class DemoBackend {
  readonly #server: Server
  readonly #options: BackendOptions
  readonly #startMs = performance.now()
  readonly #counts = createCounts()
  readonly #resets = new WeakSet<ServerResponse>()
  #behaviour: Behaviour
  #answer: Answer = () => {}
  #place: Place = 0
  #connections = 0
  #healthChecks = 0
  #closing = false

  constructor(options: BackendOptions) {
    const { port: _port, address: _address, socket: _socket, onChange: _onChange, ...behaviour } = options
    this.#options = options
    this.#behaviour = { ...DEFAULT_BEHAVIOUR, ...behaviour }
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, (req, res) =>
      this.#route(req, res)
    )
    this.#server.on('connection', (socket) => {
      this.#connections++
      socket.once('close', () => this.#connections--)
    })
  }

  /** The port it listens on; 0 if that is a Unix socket. */
  get port(): number {
    return typeof this.#place === 'number' ? this.#place : 0
  }

  /** Listens. Rejects if it cannot, for instance as the port is in use. */
  async listen(): Promise<this> {
    const { port = 0, address, socket } = this.#options
    if (socket !== undefined) await removeAbandoned(socket)
    const place = socket === undefined ? { port, host: address } : { path: socket }
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ ...place, backlog: BACKLOG }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    this.#place = socket ?? (this.#server.address() as AddressInfo).port
    this.set({})
    return this
  }

  /** Changes the behaviour from the next request on. */
  set(changes: Partial<Behaviour>): Behaviour {
    this.#behaviour = { ...this.#behaviour, ...changes }
    this.#answer = createAnswer(this.#behaviour, this.#place)
    return this.#behaviour
  }

  /** What it has done so far. */
  stats(): BackendStats {
    return {
      port: this.port,
      socket: this.#options.socket,
      pid: process.pid,
      content: this.#behaviour.content,
      uptimeSeconds: Math.round(performance.now() - this.#startMs) / 1000,
      ...this.#counts,
      connections: this.#connections,
      healthChecks: this.#healthChecks,
      behaviour: this.#behaviour
    }
  }

  /** Takes no new connections, answers what is in flight, and cuts off what is left after `graceMs`. */
  async close(graceMs = 0): Promise<void> {
    this.#closing = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const deadline = setTimeout(() => this.#server.closeAllConnections(), graceMs)
    await closed
    clearTimeout(deadline)
  }

  #route(req: IncomingMessage, res: ServerResponse): void {
    const url = req.url!
    if (url === '/health' || url.startsWith('/health?')) this.#answerHealthCheck(res)
    else if (url.startsWith('/__be/')) control(req, res, this.#controls)
    else this.#receive(req, res)
  }

  readonly #controls: Controls = {
    isLocal: () => this.#options.socket !== undefined,
    stats: () => this.stats(),
    change: (changes: Partial<Behaviour>) => {
      const behaviour = this.set(changes)
      this.#options.onChange?.(changes)
      return behaviour
    }
  }

  #answerHealthCheck(res: ServerResponse): void {
    const { healthStatus, healthLatencyMs } = this.#behaviour
    this.#healthChecks++
    after(healthLatencyMs, res, () => {
      if (this.#closing) res.shouldKeepAlive = false
      sendText(res, healthStatus, healthStatus < 400 ? 'ok' : 'not ok', this.#place)
    })
  }

  #receive(req: IncomingMessage, res: ServerResponse): void {
    const counts = this.#counts
    const number = ++counts.requests
    counts.inFlight++
    res.once('close', () => {
      counts.inFlight--
      if (!res.writableFinished && !this.#resets.has(res)) counts.aborted++
    })

    // A later change of behaviour applies to later requests only.
    const behaviour = this.#behaviour
    const answer = this.#answer
    const waitMs = behaviour.latencyMs + (behaviour.jitterMs > 0 ? Math.random() * behaviour.jitterMs : 0)
    const finish = () => this.#finish(req, res, number, behaviour, answer)
    const count = (chunk: Buffer) => {
      counts.bytesReceived += chunk.length
    }
    if (!hasBody(req)) {
      after(waitMs, res, finish)
    } else if (behaviour.echo) {
      after(waitMs, res, () => {
        // Not before: a listener for data starts the stream.
        req.on('data', count)
        finish()
      })
    } else {
      req.on('data', count)
      req.once('end', () => after(waitMs, res, finish))
    }
  }

  #finish(
    req: IncomingMessage,
    res: ServerResponse,
    number: number,
    { failRate, resetRate }: Behaviour,
    answer: Answer
  ): void {
    if (this.#closing) res.shouldKeepAlive = false
    if (resetRate > 0 && Math.random() < resetRate) {
      this.#counts.reset++
      this.#resets.add(res)
      // A Unix socket cannot be reset.
      if (this.#options.socket === undefined) req.socket.resetAndDestroy()
      else req.socket.destroy()
    } else if (failRate > 0 && Math.random() < failRate) {
      this.#counts.failed++
      sendText(res, 500, 'failed on purpose\n', this.#place)
    } else {
      answer(req, res, number)
    }
  }
}

/** Removes a stale socket, which a killed process leaves behind. */
async function removeAbandoned(path: string): Promise<void> {
  const isAbandoned = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => resolve(false))
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'))
    socket.on('connect', () => socket.destroy())
  })
  if (isAbandoned && lstatSync(path).isSocket()) unlinkSync(path)
}

/** Creates a backend that listens. */
export function createBackend(options: BackendOptions = {}): Promise<DemoBackend> {
  return new DemoBackend(options).listen()
}
