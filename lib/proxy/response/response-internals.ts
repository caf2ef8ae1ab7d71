import type { ServerResponse } from 'node:http'

/** Internals of Node's response; the same in Node 20 to 26. */
export interface Internals {
  _header: string | null
  _headerSent: boolean
  _hasBody: boolean
  _last: boolean
  _closed: boolean
  /** Whether `100 Continue` was sent. */
  _sent100: boolean
  /** Trailers, each a line with its CRLF. */
  _trailer: string
  _keepAliveTimeout: number
  maxRequestsOnConnectionReached?: boolean
  _finish(): void
  _send(data: string | Buffer, encoding: 'latin1' | null, callback?: () => void): boolean
  _writeRaw(data: string, encoding: 'latin1'): boolean
}

export const internals = (res: ServerResponse) => res as unknown as Internals
