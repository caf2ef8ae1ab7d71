import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import { freePort } from '../../../scenarios/processes.js'
import { atEnd, eventually } from '../test.js'
import { json, refuse } from './answers.js'
import { resourcesAt } from './discovery.js'
import { listOf } from './list.js'
import { Store } from './store.js'
import { Watches } from './watches.js'

const COLLECTION = /^\/apis\/discovery\.k8s\.io\/v1(?:\/namespaces\/([^/]+))?\/endpointslices$/

/** Answers a request in place of the server; true if it has. */
export type Fault = (req: IncomingMessage, res: ServerResponse) => boolean

/** How a server is started. */
export interface ApiServerOptions {
  /** A key pair in PEM; then it speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Those that it accepts; anybody if absent. */
  readonly tokens?: Set<string>
  readonly port?: number
}

/**
 * A server that speaks what the API of Kubernetes is documented to speak, as far as EndpointSlices are read: lists in parts,
 * watches with bookmarks, `410 Gone`, and bearer tokens. What it has is in its store.
 */
export class ApiServer {
  readonly store = new Store()
  readonly watches = new Watches(this.store)
  /** The targets that it was asked for. */
  readonly asked: string[] = []
  fault: Fault | undefined
  readonly #options: ApiServerOptions
  readonly #sockets = new Set<Socket>()
  #server: http.Server | undefined
  port: number

  constructor(options: ApiServerOptions = {}) {
    this.#options = options
    this.port = options.port ?? 0
  }

  /** Starts one, on a port that stays its own while it is down. */
  static async start(t: Test, options: ApiServerOptions = {}): Promise<ApiServer> {
    const server = new ApiServer({ ...options, port: options.port ?? (await freePort()) })
    await server.listen()
    atEnd(t, () => server.kill())
    return server
  }

  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`
  }

  get isListening(): boolean {
    return this.#server?.listening ?? false
  }

  async listen(): Promise<void> {
    const { tls } = this.#options
    const serve: RequestListener = (req, res) => this.#serve(req, res)
    const server = tls ? https.createServer(tls, serve) : http.createServer(serve)
    this.#server = server
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#sockets.add(socket.on('error', () => {}))
      socket.on('close', () => this.#sockets.delete(socket))
    })
    server.on('tlsClientError', () => {})
    const retry = () => setTimeout(() => server.listen(this.port, '127.0.0.1'), 20)
    server.on('error', retry).listen(this.port, '127.0.0.1')
    await eventually(() => server.listening)
    server.off('error', retry)
    this.port = (server.address() as AddressInfo).port
  }

  /** Ends at once, as a process that is killed. What it had stored stays. */
  async kill(): Promise<void> {
    const server = this.#server
    if (!server?.listening) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  /** Cuts all connections, and goes on. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    const target = req.url!
    this.asked.push(target)
    if (this.fault?.(req, res)) return
    if (!this.#isAllowed(req)) refuse(res, 401, 'Unauthorized', 'Unauthorized')
    else this.#answer(target, res)
  }

  #isAllowed({ headers }: IncomingMessage): boolean {
    const { tokens } = this.#options
    return !tokens || tokens.has(/^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '')
  }

  #answer(target: string, res: ServerResponse): void {
    const { pathname, searchParams } = new URL(target, 'http://x')
    const resources = resourcesAt(pathname)
    const [found, namespace] = COLLECTION.exec(pathname) ?? []
    if (resources) json(res, 200, resources)
    else if (found === undefined)
      refuse(res, 404, 'NotFound', 'the server could not find the requested resource')
    else if (searchParams.has('watch')) this.watches.serve(namespace, searchParams, res)
    else {
      const list = listOf(this.store, namespace, searchParams)
      if (list) json(res, 200, list)
      else refuse(res, 410, 'Expired', 'The provided continue parameter is too old')
    }
  }
}
