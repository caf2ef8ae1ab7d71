import type { IncomingMessage } from 'node:http'
import { connectionInfo } from '../listener/client/connection-info.js'
import type { Backend } from '../pool/backend.js'
import type { Failure } from './failure.js'
import { localReplyBytes } from './local-reply/local-reply.js'
import type { ForwardedBy } from './request/forwarding-fields.js'
import type { ClientStream } from './response/client-stream.js'

/** A request that is over, and what became of it. */
export interface EndedRequest {
  readonly req: IncomingMessage
  readonly res: ClientStream
  readonly by: ForwardedBy
  /** Of the answer; 0 if the client left before there was one. */
  readonly statusCode: number
  /** Why the balancer has answered itself, or broken off the answer of a backend. */
  readonly failure: Failure | undefined
  /** From the head of the request to the end of the response. */
  readonly durationMs: number
  /** The backend whose answer was taken. */
  readonly answeredBy: Backend | undefined
  /** From the end of the request to the head of the backend's response; only known if one has answered. */
  readonly backendMs: number
  readonly attempts: number
  /** Of the body of the request, as far as it was passed on. */
  readonly bytesIn: number
  /** Of the body of the backend's response. */
  readonly bytesOut: number
  /** Whether it has become a tunnel. */
  readonly changesProtocol: boolean
}

/** Of the body that was sent for an answer; how much of it has arrived nobody knows. */
export function bytesAnswered({ req, answeredBy, failure, bytesOut }: EndedRequest): number {
  if (answeredBy || !failure) return bytesOut
  return localReplyBytes(req, failure)
}

/** Whether the response has not come to its end; a tunnel has none but that one of its sides closes it. */
export function isAborted({ res, changesProtocol }: EndedRequest): boolean {
  return !res.writableFinished && !changesProtocol
}

/** Tells of a request that the balancer answers by itself, without asking a backend, once that is over. */
export function whenLocalReplyEnds(
  req: IncomingMessage,
  res: ClientStream,
  by: ForwardedBy,
  failure: Failure | undefined,
  tell: (ended: EndedRequest) => void
): void {
  const startMs = performance.now()
  // Of a socket that is closed by then nobody can tell where it led.
  connectionInfo(req.socket, by.trusted)
  let isOver = false
  res.whenOver(() => {
    if (isOver) return
    isOver = true
    tell({
      req,
      res,
      by,
      statusCode: failure?.statusCode ?? res.statusCode,
      failure,
      durationMs: performance.now() - startMs,
      answeredBy: undefined,
      backendMs: -1,
      attempts: 0,
      bytesIn: 0,
      bytesOut: 0,
      changesProtocol: false
    })
  })
}
