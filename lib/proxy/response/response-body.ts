import type { ServerResponse } from 'node:http'
import { chunkLine, chunkOf } from '../../base/http/chunk.js'
import { LentWriter } from '../../base/sockets/lent-writer.js'
import { internals } from './response-internals.js'

/** For larger bodies, a second buffer in the write is cheaper than a copy in the string of the head. */
export const MAX_JOINED_BYTES = 16_384

/**
 * Writes a part of the body, in the framing of the head, and holds it until the socket is uncorked. Node's `write`
 * would hold it to the end of the tick; and from Node 24 on, its count of unsent bytes differs from the socket's, so that
 * the 'drain' of a response may never come.
 */
export function writePart(res: ServerResponse, part: Buffer): void {
  const message = internals(res)
  if (!message._hasBody) return
  const { socket } = res
  if (socket && isUnbuffered(res) && part.length > MAX_JOINED_BYTES) {
    LentWriter.of(socket).write(res.chunkedEncoding ? chunkOf(part) : [part])
    return
  }
  if (socket?.writableCorked === 0) socket.cork()
  if (!res.chunkedEncoding) {
    message._send(Buffer.from(part), null)
    return
  }
  message._send(chunkLine(part.length), 'latin1')
  message._send(Buffer.from(part), null)
  message._send('\r\n', 'latin1')
}

/** Whether its head and all before have been flushed, so that what follows can go past Node's buffers. */
const isUnbuffered = (res: ServerResponse) => internals(res)._headerSent && res.writableLength === 0

/** Whether the client takes what it is sent so fast that large parts do not have to wait. */
export const takesBulk = ({ socket }: ServerResponse): boolean =>
  socket !== null && LentWriter.of(socket).isFast

/** Calls back when all that was written has been flushed, or never will be. */
export function whenTaken(res: ServerResponse, callback: () => void): void {
  internals(res)._send('', 'latin1', callback)
}

/**
 * A response as a whole whose body is small and complete, or is none; undefined where that cannot be: a part of it was sent,
 * or its end needs more than the body.
 */
export function wholeResponse(res: ServerResponse, body: Buffer | undefined): string | undefined {
  const { _header: head, _headerSent: isBegun, _hasBody: hasBody } = internals(res)
  if (!head || isBegun || res.chunkedEncoding) return undefined
  if (body === undefined || !hasBody) return head
  return body.length > MAX_JOINED_BYTES ? undefined : head + body.toString('latin1')
}

/**
 * Ends a response whose body is small and complete by appending it to the string of the head, which Node then writes in
 * one piece. Otherwise it would write head, body and end as a vector, which costs a tenth of an exchange. Returns false,
 * and does nothing, where that is not possible.
 */
export function endJoined(res: ServerResponse, body: Buffer): boolean {
  const text = wholeResponse(res, body)
  if (text === undefined) return false
  internals(res)._header = text
  res.end()
  return true
}
