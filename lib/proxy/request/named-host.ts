import type { IncomingMessage } from 'node:http'
import { plainHeadOf } from '../../base/http/plain-head.js'
import type { Destination } from '../../base/http/request-target.js'

/** The host that a client has named, as it did: in the target, or in `Host`. Undefined without either. */
export function namedHost(req: IncomingMessage, { authority }: Destination): string | undefined {
  return authority ?? plainHeadOf(req)?.plainHost ?? req.headers.host
}
