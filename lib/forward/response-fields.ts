import { connectionOptions, FieldNames, withoutFields } from './field-names.js'

/** Fields of the connection to the backend (RFC 9110 section 7.6.1): the one to the client has its own. */
const NOT_PASSED_ON = new FieldNames([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade'
])
const WITH_MEANING = new FieldNames(['connection', 'content-length'])

export interface ResponseFields {
  /** Names and values in a flat list, in the backend's order and case. */
  readonly list: string[]
  /** Declared length of the body, or -1 when its end is marked otherwise. */
  readonly contentLength: number
}

/**
 * The fields of a backend's response for the client. `raw` has names and values in turn, as bytes.
 * @throws if the body is in a transfer coding that would be lost
 */
export function responseFields(raw: readonly Buffer[]): ResponseFields {
  let list: string[] = []
  let contentLength = -1
  let named: string[] | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toString('latin1')
    if (NOT_PASSED_ON.has(name)) {
      if (name.length === TRANSFER_ENCODING_LENGTH) requireChunked(raw[i + 1]!)
      if (name.length === CONNECTION_LENGTH && WITH_MEANING.has(name)) {
        const value = raw[i + 1]!.toString('latin1')
        const options = value === 'keep-alive' || value === 'close' ? NO_OPTIONS : connectionOptions(value)
        if (options.length > 0) named = named ? named.concat(options) : options
      }
      continue
    }
    const value = raw[i + 1]!.toString('latin1')
    if (WITH_MEANING.has(name)) contentLength = Number(value)
    list.push(name, value)
  }
  if (named)
    list = withoutFields(
      list,
      named.filter((name) => name !== 'content-length')
    )
  return { list, contentLength }
}

const NO_OPTIONS: string[] = []
// The only name of its length among those that are not passed on.
const TRANSFER_ENCODING_LENGTH = 'transfer-encoding'.length
const CONNECTION_LENGTH = 'connection'.length

/** Another coding than chunks would be lost on the way, and the meaning of the body with it. */
function requireChunked(value: Buffer): void {
  if (value.toString('latin1').toLowerCase() === 'chunked') return
  throw Object.assign(new Error('transfer coding'), { code: 'LB_TRANSFER_CODING' })
}

const PLAIN = /^[\x20-\x7e]*$/

/** The reason phrase as it was sent, a character a byte: undici reads it as UTF-8. */
export function reasonPhrase(text: string): string {
  return PLAIN.test(text) ? text : Buffer.from(text).toString('latin1')
}

/** Trailers in the form that Node takes, without those that are of the connection and not of the message. */
export function trailerFields(raw: readonly Buffer[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toString('latin1')
    if (!NOT_PASSED_ON.has(name)) pairs.push([name, raw[i + 1]!.toString('latin1')])
  }
  return pairs
}
