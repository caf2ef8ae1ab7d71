import type { IncomingMessage } from 'node:http'
import { connectionInfo } from '../listener/client/connection-info.js'
import type { Backend } from '../pool/backend.js'
import type { Failure } from './failure.js'
import { localReplyBytes } from './local-reply/local-reply.js'
import { pageInPlaceOf } from './relay/page-relay.js'
import type { ForwardedBy } from './request/forwarding-fields.js'
import type { ClientStream } from './response/client-stream.js'

/** A request that is over, and what became of it. */
export interface EndedRequest {
  readonly req: IncomingMessage
  readonly res: ClientStream
  readonly by: ForwardedBy
  /** Status of the answer; 0 if the client left before there was one. */
  readonly statusCode: number
  /** Why the balancer answered itself, or broke off the response of a backend. */
  readonly failure: Failure | undefined
  /** From the head of the request to the end of the response. */
  readonly durationMs: number
  /** The backend whose response was passed on. */
  readonly answeredBy: Backend | undefined
  /** From the end of the request to the head of the backend's response; -1 without one. */
  readonly backendMs: number
  readonly attempts: number
  /** Of the body of the request, as far as it was forwarded. */
  readonly bytesIn: number
  /** Of the body of the backend's response. */
  readonly bytesOut: number
  /** Whether it has become a tunnel. */
  readonly changesProtocol: boolean
}

/** Bytes of body that were sent in answer; how many of them have arrived is not known. */
export function bytesAnswered(ended: EndedRequest): number {
  const { req, by, answeredBy, failure, statusCode, bytesOut } = ended
  if (!answeredBy && failure) return localReplyBytes(req, failure, by.route)
  const page = answeredBy && pageInPlaceOf(req, by.route, statusCode)
  if (!page) return bytesOut
  return req.method === 'HEAD' ? 0 : page.bytes.length
}

/** Whether the response did not come to its end; a tunnel has no other end than that one side closes it. */
export function isAborted({ res, changesProtocol }: EndedRequest): boolean {
  return !res.writableFinished && !changesProtocol
}

/**
 * Calls back at the end of a request that the balancer answers itself.
 * @param bytesOut of the body of the answer, if it is none of a failure
 */
export function whenLocalReplyEnds(
  req: IncomingMessage,
  res: ClientStream,
  by: ForwardedBy,
  failure: Failure | undefined,
  bytesOut: number,
  tell: (ended: EndedRequest) => void
): void {
  const startMs = performance.now()
  // The address of a socket is lost once it is closed.
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
      bytesOut,
      changesProtocol: false
    })
  })
}
