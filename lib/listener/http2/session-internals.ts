import type { ServerHttp2Session } from 'node:http2'

/** What a session of Node has within, the same in all versions from 20 to 26. */
interface Handle {
  hasPendingData(): boolean
}

let key: symbol | undefined

/**
 * Whether a session neither reads nor writes any more, as its client was told that it broke the protocol. Node 20 does
 * not notice that, and would keep its streams for ever, even when the client has gone.
 */
export function hasEnded(session: ServerHttp2Session): boolean {
  key ??= Object.getOwnPropertySymbols(session).find(({ description }) => description === 'kHandle')
  const handle = (session as unknown as Record<symbol, Handle | undefined>)[key!]
  return handle?.hasPendingData() === false
}
