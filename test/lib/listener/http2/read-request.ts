import type { Socket } from 'node:net'
import { RequestHeadReader } from '../../../../lib/listener/http2/request/request-head.js'
import {
  type ServerStreamRequest,
  streamRequest
} from '../../../../lib/listener/http2/request/stream-request.js'
import type { ServerStream } from '../../../../lib/listener/http2/stream/server-stream.js'
import { SPECIAL_FIELDS } from '../../../../lib/proxy/request/request-head.js'

export const LIMITS = { targetBytes: 100, fields: 20, bodyBytes: 1000, special: SPECIAL_FIELDS }

/** Of no connection: requests ask it for the addresses and the size of buffers only. */
export const SOCKET = {
  remoteAddress: '192.0.2.7',
  localPort: 443,
  readableHighWaterMark: 65_536,
  destroyed: false
} as unknown as Socket

/** Fields as they come: `name: value`, where the name may begin with a colon. */
export function decoded(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(': ', 1)
    return [line.slice(0, colon), line.slice(colon + 2)]
  })
}

/** The request of some fields; undefined if they are malformed. */
export function readRequest(
  fields: readonly string[],
  isEnd: boolean,
  stream = { socket: SOCKET } as ServerStream
): { readonly head: RequestHeadReader; readonly req: ServerStreamRequest } | undefined {
  const head = new RequestHeadReader(LIMITS)
  return head.read(fields, isEnd) ? { head, req: streamRequest(stream, head, fields, isEnd) } : undefined
}
