import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { ResponseHead } from '../../../transport/http1/response-head.js'

/** Fields that an application has set for a response: a name in lower case and its lines, each with its CRLF. */
export type HostFields = readonly { readonly name: string; readonly lines: string }[]

type Fields = Readonly<Record<string, number | string | readonly string[] | undefined>>

/** Those of the connection and of the body, which are of the response that is passed on. */
const NOT_OF_HOST = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'upgrade'
])
/** Lists, of which each side adds its own. */
const ADDED = new Set(['set-cookie', 'vary'])

/**
 * What an application has set for the response of a backend.
 * @throws as Node would when it sent them, if one cannot be sent
 */
export function hostFields(fields: Fields): HostFields {
  const list: { name: string; lines: string }[] = []
  for (const [written, value] of Object.entries(fields)) {
    const name = written.toLowerCase()
    if (value === undefined || NOT_OF_HOST.has(name)) continue
    validateHeaderName(written)
    let lines = ''
    for (const text of Array.isArray(value) ? value : [value]) {
      validateHeaderValue(written, `${text}`)
      lines += `${written}: ${text}\r\n`
    }
    list.push({ name, lines })
  }
  return list
}

/** Those of an application's fields that a backend's response does not have itself, each line with its CRLF. */
export function linesBeside({ text }: ResponseHead, fields: HostFields): string {
  if (fields.length === 0) return ''
  const own = text.toLowerCase()
  let lines = ''
  for (const field of fields) {
    if (ADDED.has(field.name) || !own.includes(`\n${field.name}:`)) lines += field.lines
  }
  return lines
}
