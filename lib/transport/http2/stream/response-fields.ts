import { STATUS_CODES } from 'node:http'
import { FieldNames } from '../../../base/http/field-names.js'
import { isName, isValue, OF_CONNECTION } from '../../../base/http2/field-syntax.js'
import { BrokenResponse } from '../../http1/broken-response.js'
import { ResponseHead } from '../../http1/response-head.js'
import { passableTrailers } from '../../http1/trailers.js'

/** `te` is of requests only. */
const NOT_OF_RESPONSES = new FieldNames([...OF_CONNECTION, 'te'])

const STATUS = /^[1-9]\d\d$/
const LENGTH = /^\d{1,15}$/

const statusLines: string[] = []

/**
 * Converts the fields of a response to the head for the client, as HTTP/1.1 text with names in lower case.
 * @param fields alternating names and values
 * @param neverIndexed names of those that stay never-indexed literals
 * @throws {BrokenResponse} if RFC 9113 section 8 does not allow it
 */
export function headOf(fields: readonly string[], neverIndexed?: ReadonlySet<string>): ResponseHead {
  const head = new ResponseHead()
  head.neverIndexed = neverIndexed
  const status = fields[1]
  if (fields[0] !== ':status' || !STATUS.test(status!)) throw new BrokenResponse('status')
  const statusCode = Number(status)
  // HTTP/2 has no 101 (section 8.6).
  if (statusCode === 101) throw new BrokenResponse('unasked upgrade')
  head.statusCode = statusCode
  head.fromHttp2 = true
  statusLines[statusCode] ??= `HTTP/1.1 ${status} ${STATUS_CODES[statusCode] ?? ''}\r\n`
  let text = statusLines[statusCode]
  for (let i = 2; i < fields.length; i += 2) {
    const name = fields[i]!
    const value = fields[i + 1]!
    check(name, value, false)
    if (name === 'content-length') {
      takeLength(head, value)
      // There must be none on 1xx and 204 (RFC 9110 section 8.6): a client might wait for a body.
      if (statusCode < 200 || statusCode === 204) continue
    } else if (name === 'date') {
      head.hasDate = true
    }
    text += `${name}: ${value}\r\n`
  }
  head.text = text
  return head
}

/**
 * The trailers of a response that may be passed on.
 * @param fields alternating names and values
 * @throws {BrokenResponse} if one is invalid
 */
export function trailersOf(fields: readonly string[]): string[] {
  for (let i = 0; i < fields.length; i += 2) check(fields[i]!, fields[i + 1]!, true)
  return passableTrailers(fields)
}

/** @throws {BrokenResponse} if the field is invalid */
function check(name: string, value: string, inTrailers: boolean): void {
  if (!isName(name)) throw new BrokenResponse('field name', inTrailers)
  if (NOT_OF_RESPONSES.has(name)) throw new BrokenResponse('field of a connection', inTrailers)
  if (!isValue(value)) throw new BrokenResponse('field value', inTrailers)
}

function takeLength(head: ResponseHead, value: string): void {
  if (!LENGTH.test(value)) throw new BrokenResponse('length that is none')
  if (head.contentLength >= 0) throw new BrokenResponse('two lengths')
  head.contentLength = Number(value)
}
