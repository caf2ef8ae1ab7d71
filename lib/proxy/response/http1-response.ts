import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { hasBody } from '../../base/http/request-body.js'
import { hasPipelinedSuccessor, refuseFurtherRequests } from '../../listener/http1/client-connection.js'
import { lingeringClose } from '../../listener/http1/lingering-close.js'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import { surviveWriteErrors } from '../../transport/sockets/socket-end.js'
import type { ClientStream, ClientTunnel } from './client-stream.js'
import { endJoined, takesBulk, whenTaken, writePart } from './response-body.js'
import { flushHead, startResponse, writeInterim } from './response-start.js'

const KEEP_ALIVE_PROBE_MS = 60_000

/** The response to a request that came by HTTP/1.1 or HTTP/1.0: Node's, with what an exchange needs. */
export class Http1Response<Request extends IncomingMessage = IncomingMessage>
  extends ServerResponse<Request>
  implements ClientStream
{
  get takesBulk(): boolean {
    return takesBulk(this)
  }

  /** A pipelined response has no socket until its turn comes: that of its request shows when the client leaves. */
  whenOver(callback: () => void): void {
    this.on('close', callback)
    if (this.socket !== null) return
    const { socket } = this.req
    socket.setMaxListeners(0)
    socket.once('close', callback)
    this.once('close', () => socket.off('close', callback))
  }

  /** Whether another request has come behind it. */
  get isFollowed(): boolean {
    return hasPipelinedSuccessor(this)
  }

  whenTaken(callback: () => void): void {
    whenTaken(this, callback)
  }

  sendInterim(head: ResponseHead): void {
    // HTTP/1.0 has none.
    if (this.req.httpVersionMinor > 0) writeInterim(this, head)
  }

  begin(head: ResponseHead, lines: string, closing: boolean): void {
    const { req } = this
    // The unread rest of a request would be taken for the next one.
    if (!req.complete && head.statusCode !== 101) lingeringClose(req)
    startResponse(this, head, lines, (closing && !this.isFollowed) || !req.complete)
  }

  sendPart(part: Buffer): void {
    writePart(this, part)
  }

  flush(): void {
    flushHead(this)
    // The kernel mostly takes everything at once.
    this.socket?.uncork()
  }

  finish(last: Buffer | undefined, trailers: readonly string[]): void {
    if (trailers.length > 0) this.addTrailers(pairs(trailers))
    if (last === undefined) this.end()
    else if (!endJoined(this, last)) this.end(Buffer.from(last))
  }

  cutOff(): void {
    this.flush()
    if (this.socket) this.destroy()
    // From Node 24 on, destroying a response before its turn leaves the connection open.
    else this.once('socket', (socket: Socket) => socket.destroy())
  }

  answer(
    statusCode: number,
    phrase: string,
    fields: readonly string[],
    body: string | undefined,
    isLast: boolean
  ): void {
    const { req } = this
    let list = fields
    // An unread body would be taken for the next request, and so would the rest of a malformed one.
    if (isLast || hasBody(req)) {
      if (req.complete) refuseFurtherRequests(req.socket)
      else lingeringClose(req)
      list = [...fields, 'Connection', 'close']
    }
    this.writeHead(statusCode, phrase, list as string[])
    this.end(body, 'latin1')
  }

  clientTunnel(): ClientTunnel {
    const { socket } = this.req
    surviveWriteErrors(socket, {
      get isPaused() {
        return socket.isPaused()
      },
      onWriteFailed: () => true
    })
    return socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS)
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) list.push([flat[i]!, flat[i + 1]!])
  return list
}
