import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createSecure, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import type { KeyPairFiles } from '../../lib/base/key-pair.js'
import type { ProxyHeader } from '../../lib/listener/proxy-protocol/header.js'
import { receiveProxyHeader } from '../../lib/listener/proxy-protocol/receive-header.js'
import { contents } from './certificates.js'
import { atEnd, eventually } from './test.js'

/** A request, and the header at the start of the connection that it came by. */
export interface AnnouncedRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly header: ProxyHeader
  /** The version of the header. */
  readonly version: 1 | 2
  readonly connection: number
  /** Who has sent it, by its forwarding fields. */
  readonly client: string
  readonly socket: Socket
}

interface Options {
  readonly h2?: boolean
  /** TLS is spoken, behind the header. */
  readonly tls?: KeyPairFiles
  readonly onUpgrade?: (asked: Omit<AnnouncedRequest, 'res'>, early: Buffer) => void
}

const READ_MS = 5000

/** A backend whose connections have to begin with a header of the PROXY protocol. */
export class AnnouncedBackend {
  readonly requests: AnnouncedRequest[] = []
  readonly headers: ProxyHeader[] = []
  /** Why connections were refused. */
  readonly refused: string[] = []
  readonly sockets = new Set<Socket>()
  connections = 0
  address = ''
}

/** Starts one that notes requests, and answers them by `script`, or `200`. */
export async function announced(
  t: Test,
  script: (asked: AnnouncedRequest) => void = ({ res }) => void res.end('ok'),
  { h2 = false, tls, onUpgrade }: Options = {}
): Promise<AnnouncedBackend> {
  const backend = new AnnouncedBackend()
  const known = new Map<Socket, Pick<AnnouncedRequest, 'header' | 'version' | 'connection' | 'socket'>>()
  const clientOf = (req: IncomingMessage) =>
    String(req.headers['x-forwarded-for'] ?? '')
      .split(',')
      .shift()!
      .trim()
  const serve = (req: IncomingMessage, res: ServerResponse) => {
    const asked = { ...known.get(connectionOf(req))!, req, res, client: clientOf(req) }
    backend.requests.push(asked)
    script(asked)
  }
  // The compatible API shows a stand-in for the socket of a session; what it stands on is known by the ports.
  const connectionOf = (req: IncomingMessage): Socket => {
    if (!h2) return req.socket
    const { remotePort } = req.socket
    return [...known.keys()].find((socket) => socket.remotePort === remotePort)!
  }
  const http1 = createHttp({ keepAliveTimeout: 30_000 }, serve)
  http1.on('upgrade', (req, socket: Socket, early) =>
    onUpgrade?.({ ...known.get(socket)!, req, client: clientOf(req) }, early)
  )
  const http2 = createHttp2((req, res) => serve(req as never, res as never))
  http2.on('sessionError', () => {})
  const speak = (socket: Socket, raw: Socket, header: ProxyHeader, version: 1 | 2, connection: number) => {
    socket.on('error', () => {})
    known.set(socket, { header, version, connection, socket: raw })
    socket.on('close', () => known.delete(socket))
    if (h2) {
      http2.emit('connection', socket)
    } else {
      http1.emit('connection', socket)
      socket.resume()
    }
  }
  const waiting = new Map<Socket, (socket: Socket) => void>()
  const secure = tls && createSecure({ ...contents(tls), ALPNProtocols: h2 ? ['h2'] : ['http/1.1'] })
  secure?.on('secureConnection', (socket) =>
    waiting.get((socket as TLSSocket & { _parent: Socket })._parent)!(socket)
  )
  const server = createServer({ noDelay: true }, (raw) => {
    const connection = ++backend.connections
    backend.sockets.add(raw)
    raw.on('close', () => backend.sockets.delete(raw)).on('error', () => {})
    let first: Buffer | undefined
    const { read } = raw
    raw.read = (size) => {
      const bytes = read.call(raw, size)
      first ??= bytes ?? undefined
      return bytes
    }
    receiveProxyHeader(
      raw,
      READ_MS,
      (_, header) => {
        raw.read = read
        backend.headers.push(header)
        const version = first![0] === 'P'.charCodeAt(0) ? 1 : 2
        waiting.set(raw, (socket) => speak(socket, raw, header, version, connection))
        if (secure) secure.emit('connection', raw)
        else waiting.get(raw)!(raw)
      },
      (reason) => backend.refused.push(reason)
    )
  })
  server.listen(0, '127.0.0.1')
  await eventually(() => server.listening)
  backend.address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  atEnd(t, async () => {
    for (const socket of backend.sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return backend
}
