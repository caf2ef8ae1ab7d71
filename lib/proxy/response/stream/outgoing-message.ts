import type { ServerResponse } from 'node:http'
import { internals } from '../response-internals.js'

/** Where a status line has its status. */
const STATUS_AT = 'HTTP/1.1 '.length
const EMPTY = Buffer.alloc(0)

/** The status of a head that Node has made. */
export const statusOf = (head: string) => Number(head.slice(STATUS_AT, STATUS_AT + 3))

/** The fields of a head that Node has made, each a line with its CRLF. */
export const linesOf = (head: string) => head.slice(head.indexOf('\n') + 1, -2)

/** What was written, as bytes. */
export function bytesOf(data: string | Uint8Array, encoding: BufferEncoding | null | undefined): Buffer {
  if (data.length === 0) return EMPTY
  if (typeof data === 'string') return Buffer.from(data, encoding ?? 'utf8')
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** What `addTrailers` was given, names and values in turn. */
export function trailersOf(res: ServerResponse): string[] {
  const list: string[] = []
  for (const line of internals(res)._trailer.split('\r\n').slice(0, -1)) {
    const colon = line.indexOf(':')
    list.push(line.slice(0, colon), line.slice(colon + 2))
  }
  return list
}
