import type { ServerHttp2Session } from 'node:http2'

/** Internals of Node's HTTP/2 sessions, the same in versions 20 to 26. */
interface Handle {
  hasPendingData(): boolean
}

let key: symbol | undefined

/**
 * Whether nghttp2 has terminated a session after a protocol error of its client. Node 20 does not notice, and would keep
 * its streams for ever, even after the client has gone.
 */
export function hasEnded(session: ServerHttp2Session): boolean {
  key ??= Object.getOwnPropertySymbols(session).find(({ description }) => description === 'kHandle')
  const handle = (session as unknown as Record<symbol, Handle | undefined>)[key!]
  return handle?.hasPendingData() === false
}
