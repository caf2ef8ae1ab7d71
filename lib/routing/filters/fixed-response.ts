import type { FieldChanges, FixedResponse } from '../options.js'
import { FieldEdits } from './field-edits.js'
import type { RouteAnswer } from './route-answer.js'

/** Statuses whose answers have no body (RFC 9110 section 15). */
const BODILESS = new Set([204, 205, 304])
/** And those whose answers have no length either (section 8.6). */
const LENGTHLESS = new Set([204, 304])

/**
 * A response that is the same for every request. Without a type of its own the body is plain text.
 * @throws if it cannot be sent as it is
 */
export function fixedAnswer({ statusCode, headers, body: text }: FixedResponse): RouteAnswer {
  const body = Buffer.from(text).toString('latin1')
  const hasBody = !BODILESS.has(statusCode)
  if (!hasBody && body !== '') throw new Error(`An answer with status ${statusCode} has no body`)
  const changes: FieldChanges = { remove: [], set: [], add: headers }
  const fields = FieldEdits.ofResponses(changes)!.applyToList([])
  const isTyped = body === '' || headers.some(([name]) => name.toLowerCase() === 'content-type')
  const type = isTyped ? [] : ['Content-Type', 'text/plain; charset=utf-8']
  const length = LENGTHLESS.has(statusCode) ? [] : ['Content-Length', `${body.length}`]
  return { statusCode, fields: [...fields, ...type, ...length], body: hasBody ? body : undefined }
}
