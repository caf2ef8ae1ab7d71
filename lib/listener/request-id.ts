import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/

/** Unlike any other process' ids; the count after it makes it unlike any other request's. */
const ID_PREFIX = `${randomBytes(9).toString('base64url')}-`
let idCount = 0

/** The client's `X-Request-Id` if it can be passed on as it is, otherwise a new one. */
export function requestId(req: IncomingMessage): string {
  const given = req.headers['x-request-id']
  if (typeof given === 'string' && REQUEST_ID.test(given)) return given
  idCount++
  return ID_PREFIX + idCount.toString(36)
}
