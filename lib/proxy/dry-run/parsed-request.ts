import { createServer, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { UpgradableRequest } from '../../listener/http1/upgradable-request.js'

/** Where a request comes from. */
export interface ClientConnection {
  readonly clientAddress: string
  /** The port of the balancer. */
  readonly localPort: number
  /** Undefined without TLS, empty if the client names no server in its handshake. */
  readonly tlsName: string | undefined
}

/** A connection over which nothing goes but what is pushed into it. */
class ClientSocket extends Duplex {
  readonly remoteAddress: string
  readonly localPort: number
  readonly encrypted: boolean
  readonly servername: string | undefined

  constructor({ clientAddress, localPort, tlsName }: ClientConnection) {
    super()
    this.remoteAddress = clientAddress
    this.localPort = localPort
    this.encrypted = tlsName !== undefined
    this.servername = tlsName
  }

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, callback: () => void): void {
    callback()
  }
}

/**
 * Reads the head of a request as the balancer's server does, by Node's parser.
 * @param head in HTTP/1.1, with the empty line at its end
 * @param maxHeadBytes of a head
 * @throws if the parser refuses it
 */
export function parsedRequest(
  head: Buffer,
  connection: ClientConnection,
  maxHeadBytes: number
): Promise<IncomingMessage> {
  const server = createServer({ IncomingMessage: UpgradableRequest, maxHeaderSize: maxHeadBytes })
  server.maxHeadersCount = 0
  const socket = new ClientSocket(connection)
  return new Promise((resolve, reject) => {
    for (const event of ['request', 'checkContinue', 'checkExpectation', 'upgrade', 'connect'])
      server.on(event, resolve)
    server.on('clientError', reject)
    server.emit('connection', socket)
    socket.push(head)
  })
}
