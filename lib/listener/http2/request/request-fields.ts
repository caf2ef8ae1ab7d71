import { randomBytes } from 'node:crypto'

const KEY_BYTES = 16
const KEY = 'sec-websocket-key'

/** What the fields of a request of HTTP/2 are made of, beside those that came. */
export interface DecodedHead {
  readonly host: string
  readonly isWebSocket: boolean
  readonly hasBody: boolean
  readonly contentLength: number
}

/**
 * The fields of a well-formed request of HTTP/2 as HTTP/1.1 has them (RFC 9113 section 8.3.1): `Host` first, cookies as one
 * field (section 8.2.3), a body of undeclared length in chunks, the key of a WebSocket (RFC 6455 section 4.1), which RFC
 * 8441 does without.
 * @param decoded names and values in turn
 */
export function fieldsOfHttp1(decoded: readonly string[], head: DecodedHead): string[] {
  const fields: string[] = head.host === '' ? [] : ['host', head.host]
  let cookie = ''
  for (let i = 0; i < decoded.length; i += 2) {
    const name = decoded[i]!
    const value = decoded[i + 1]!
    if (name === 'cookie') cookie = cookie === '' ? value : `${cookie}; ${value}`
    else if (!isReplaced(name, head.isWebSocket)) fields.push(name, value)
  }
  if (cookie !== '') fields.push('cookie', cookie)
  if (head.hasBody && head.contentLength < 0) fields.push('transfer-encoding', 'chunked')
  if (head.isWebSocket) fields.push(KEY, randomBytes(KEY_BYTES).toString('base64'))
  return fields
}

/** Whether something else stands for a field. */
const isReplaced = (name: string, isWebSocket: boolean) =>
  name.startsWith(':') || name === 'host' || (isWebSocket && name === KEY)
