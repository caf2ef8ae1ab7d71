import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { connectionOptions } from '../../base/http/field-names.js'
import { emitDrain, refusesFurtherRequests, whenAnswered } from '../../listener/http1/client-connection.js'
import { Http1Response } from './http1-response.js'
import { isLast } from './response-start.js'

/**
 * Serves a request whose connection Node has let go of, after those that came before it, which may still have to be
 * answered. Not at all if one of them was refused.
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

/** The response to a request whose connection Node has let go of; that of the last one ends the connection. */
export function responseOn(socket: Socket, req: IncomingMessage): Http1Response {
  const res = new Http1Response(req)
  const onError = () => socket.destroy()
  // As of any request, whose client leaves before it is answered.
  const onEnd = () => {
    if (!res.headersSent) socket.destroy()
  }
  if (connectionOptions(req.headers.connection ?? '').includes('close')) res.shouldKeepAlive = false
  res.assignSocket(socket)
  socket.on('error', onError).on('end', onEnd)
  if (socket.readableEnded) socket.destroy()
  res.once('finish', () => {
    res.detachSocket(socket)
    socket.off('end', onEnd)
    res.emit('close')
    // That it could not be written may show only later.
    if (isLast(res)) socket.destroySoon()
    else socket.off('error', onError)
  })
  return res
}
