import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { fieldValue } from '../base/http/field-value.js'
import { targetOf } from '../base/http/request-target.js'
import { clientOf } from '../listener/client/client-address.js'
import { cookiesOf } from './cookie.js'
import type { HashKey } from './options.js'

/**
 * Reads the key of a request for `hash`; undefined if the request has none.
 * @param trusted proxies whose word on the client's address is taken
 */
export function keyReader(key: HashKey, trusted: BlockList): (req: IncomingMessage) => string | undefined {
  const { name } = key
  switch (key.from) {
    case 'address':
      return (req) => clientOf(req, trusted)
    case 'target':
      return targetOf
    case 'header':
      return ({ headers }) => fieldValue(headers, name)
    case 'cookie':
      return ({ headers }) => cookiesOf(headers.cookie, name).find((value) => value !== '')
  }
}
