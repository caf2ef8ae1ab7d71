import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { freePort } from '../../../scenarios/processes.js'
import { atEnd, eventually, sleep } from '../test.js'
import type { ApiServer } from './api-server.js'
import { endpoint, type PodState, slice } from './slices.js'

/** Endpoints of a slice, few enough that there are several. */
const SLICES = 2
const ANSWER_MS = 3

/** A pod: a backend that answers with its name, and what the API says of it. */
interface Pod {
  readonly name: string
  /** On the loopback interface, where each has one of its own. */
  readonly host: string
  readonly server: Server
  readonly sockets: Set<Socket>
  state: PodState
}

/** Pods of the service `shop/web`, of which the endpoint slices of an API server tell. */
export class Pods {
  readonly #api: ApiServer
  readonly #port: number
  readonly #pods = new Map<string, Pod>()
  readonly #markers = new Set<string>()
  #started = 0

  private constructor(api: ApiServer, port: number) {
    this.#api = api
    this.#port = port
  }

  static async create(t: Test, api: ApiServer): Promise<Pods> {
    const pods = new Pods(api, await freePort())
    atEnd(t, () => Promise.all(pods.names.map((name) => pods.end(name))))
    return pods
  }

  /** Of those that have not ended, the oldest first. */
  get names(): string[] {
    return [...this.#pods.keys()]
  }

  /** Whether the API says that it serves. */
  isServing(name: string): boolean {
    const state = this.#pods.get(name)?.state
    return state === 'ready' || state === 'terminating'
  }

  /** Its `host:port`. */
  addressOf(name: string): string {
    return `${this.#pods.get(name)!.host}:${this.#port}`
  }

  /** Starts one, which is ready when it listens. */
  async start(): Promise<string> {
    const number = ++this.#started
    const name = `pod-${number}`
    const sockets = new Set<Socket>()
    const server = createServer((_req, res) => void setTimeout(() => res.end(name), ANSWER_MS))
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    const pod: Pod = {
      name,
      host: `127.1.${number >> 8}.${number & 255}`,
      server,
      sockets,
      state: 'starting'
    }
    this.#pods.set(name, pod)
    this.publish()
    server.listen(this.#port, pod.host)
    await eventually(() => server.listening)
    this.set(name, 'ready')
    return name
  }

  set(name: string, state: PodState): void {
    this.#pods.get(name)!.state = state
    this.publish()
  }

  /** Ends one that has answered what it was asked. */
  async end(name: string): Promise<void> {
    const { server, sockets } = this.#pods.get(name)!
    this.#pods.delete(name)
    this.publish()
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    await Promise.race([closed, sleep(50)])
    for (const socket of sockets) socket.destroy()
    await closed
  }

  /** An address at which nobody is, to see when the balancer knows of it. */
  mark(host: string, isThere: boolean): void {
    if (isThere) this.#markers.add(host)
    else this.#markers.delete(host)
    this.publish()
  }

  /** Writes the slices, as the controller of endpoint slices does. A pod that is about to end is in two of them for now. */
  publish(): void {
    const ports = [{ name: 'http', protocol: 'TCP', port: this.#port, appProtocol: 'http' }]
    const all = [...this.#pods.values()]
    for (let i = 0; i < SLICES; i++) {
      const own = all.filter((pod, at) => at % SLICES === i || pod.state === 'terminating')
      const markers = i === 0 ? [...this.#markers].map((host) => endpoint(host)) : []
      const endpoints = [...own.map(({ host, state }) => endpoint(host, state)), ...markers]
      this.#api.store.put(slice({ name: `web-${i}`, endpoints, ports }))
    }
  }
}
