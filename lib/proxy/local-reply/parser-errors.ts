import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import {
  clientErrorAction,
  refuseFurtherRequests,
  whenAnswered
} from '../../listener/http1/client-connection.js'
import { type ParserError, UnknownMethodParser } from '../../listener/http1/unknown-method.js'
import { responseOn } from '../response/detached-socket.js'
import type { Http1Response } from '../response/http1-response.js'

type ErrorListener = (error: Error, socket: Socket) => void

/** What Node answers by itself, where nobody else listens; all else is `400`. */
const STATUS_OF = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408]
])

/**
 * Has a server answer what its parser cannot read, each in its turn: a request whose method the parser does not know is
 * refused as any other, and what is no request is answered as the server would, or not at all.
 * @param maxHeadBytes of the head of a request
 * @param refuse answers a request that has an unknown method
 */
export function answerParserErrors(
  server: Server,
  maxHeadBytes: number,
  refuse: (req: IncomingMessage, res: Http1Response) => void
): void {
  const lines = new UnknownMethodParser(maxHeadBytes)
  const over = new WeakSet<Socket>()
  const [answerBroken = answerBriefly] = server.listeners('clientError') as ErrorListener[]
  server.removeAllListeners('clientError')
  server.on('clientError', (error: ParserError, socket: Socket) => {
    // Each read behind the one that could not be read is told of again.
    if (over.has(socket)) return
    const req = lines.parse(error, socket)
    if (req === 'more') return
    if (req) {
      over.add(socket)
      refuseFurtherRequests(socket)
      whenAnswered(socket, () => refuse(req, responseOn(socket, req)))
      return
    }
    const remedy = clientErrorAction(socket)
    if (remedy === 'answer') answerBroken(error, socket)
    else if (remedy === 'cut') socket.destroy()
  })
}

function answerBriefly(error: ParserError, socket: Socket): void {
  const status = STATUS_OF.get(error.code ?? '') ?? 400
  if (socket.writable) socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`)
  socket.destroy(error)
}
