import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { connectionOptions } from '../../base/http/field-names.js'
import { emitDrain, refusesFurtherRequests, whenAnswered } from '../../listener/http1/client-connection.js'
import { Http1Response } from './http1-response.js'
import { isLast } from './response-start.js'

const SWITCHING_PROTOCOLS = 101

/**
 * Serves a request whose socket Node has detached from its HTTP server (`upgrade`, `connect`), once the requests before
 * it are answered. Does nothing if one of those ended the connection.
 */
export function inTurn(socket: Socket, serve: () => void): void {
  if (refusesFurtherRequests(socket)) return
  const onDrain = () => emitDrain(socket)
  const onError = () => socket.destroy()
  socket.on('drain', onDrain).on('error', onError)
  whenAnswered(socket, () => {
    socket.off('drain', onDrain).off('error', onError)
    serve()
  })
}

/** The response to a request whose socket is detached. The last one on a connection closes it. */
export function responseOn(socket: Socket, req: IncomingMessage): Http1Response {
  const res = new Http1Response(req)
  const onError = () => socket.destroy()
  // A client that leaves early ends its request here as anywhere else.
  const onEnd = () => {
    if (!res.headersSent) socket.destroy()
    // A tunnel has an end on each side; in HTTP what was written still goes out, and no more.
    else if (res.statusCode !== SWITCHING_PROTOCOLS) socket.end()
  }
  if (connectionOptions(req.headers.connection ?? '').includes('close')) res.shouldKeepAlive = false
  res.assignSocket(socket)
  socket.on('error', onError).on('end', onEnd)
  if (socket.readableEnded) socket.destroy()
  res.once('finish', () => {
    res.detachSocket(socket)
    socket.off('end', onEnd)
    res.emit('close')
    // A failed write may show only later.
    if (isLast(res)) socket.destroySoon()
    else socket.off('error', onError)
  })
  return res
}
