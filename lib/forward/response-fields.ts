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

/** The fields of a backend's response for the client. `raw` has names and values in turn, as bytes. */
export function responseFields(raw: readonly Buffer[]): ResponseFields {
  let list: string[] = []
  let contentLength = -1
  let named: string[] | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toString('latin1')
    if (NOT_PASSED_ON.has(name)) {
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
const CONNECTION_LENGTH = 'connection'.length

const PLAIN = /^[\x20-\x7e]*$/

/** The reason phrase as it was sent, a character a byte: undici reads it as UTF-8. */
export function reasonPhrase(text: string): string {
  return PLAIN.test(text) ? text : Buffer.from(text).toString('latin1')
}
