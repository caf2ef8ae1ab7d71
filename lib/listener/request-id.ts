import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { plainHeadOf } from '../base/http/plain-head.js'

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/

/** Unique to this process; the count after it is unique to the request. */
const ID_PREFIX = `${randomBytes(9).toString('base64url')}-`
let idCount = 0

/**
 * The client's `X-Request-Id` if it is 1 to 128 visible ASCII characters, otherwise a new one.
 * @param own of the server that has taken the request in; goes before a new one, if it is of such characters too
 */
export function requestId(req: IncomingMessage, own = ''): string {
  const plain = plainHeadOf(req)
  const given = plain ? plain.givenId : req.headers['x-request-id']
  if (typeof given === 'string' && REQUEST_ID.test(given)) return given
  if (REQUEST_ID.test(own)) return `${own}`
  idCount++
  return ID_PREFIX + idCount.toString(36)
}
