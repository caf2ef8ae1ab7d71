import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { cookiesOf } from '../selection/cookie.js'
import type { HashKey } from '../selection/options.js'
import { clientOf } from './client-address.js'
import { targetOf } from './target.js'

/** What of a request decides which backend it goes to; undefined where the request does not have it. */
export function keyReader(key: HashKey, trusted: BlockList): (req: IncomingMessage) => string | undefined {
  const { name } = key
  switch (key.from) {
    case 'address':
      return (req) => clientOf(req, trusted)
    case 'target':
      return targetOf
    case 'header':
      return ({ headers }) => headers[name]?.toString()
    case 'cookie':
      return ({ headers }) => cookiesOf(headers.cookie, name).find((value) => value !== '')
  }
}
