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

/** The answers of Node's server to errors of its parser; all others are `400`. */
const STATUS_OF = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408]
])

/**
 * Answers what the parser of a server cannot read, in the order of the requests: one with a method that the parser does
 * not know is rejected as any other; what is no request is answered as Node would, or not at all.
 * @param maxHeadBytes largest head of a request
 * @param refuse answers a request with an unknown method
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
    // Node reports the error again for each read after it.
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
