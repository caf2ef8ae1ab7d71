import type { Dispatcher } from 'undici'

import { FieldNames } from '../../lib/base/http/field-names'
import type { OutgoingRequest } from '../../lib/transport/backend-stream'
import type { UploadBody } from './upload-body'

/** Fields that undici writes itself, or refuses: it cannot send `Expect`. */
const UNDICIS_OWN = new FieldNames(['connection', 'upgrade', 'transfer-encoding', 'expect'])

/** A request in the terms of undici's `dispatch`: its head, which is a text here, taken apart again. */
export function dispatchOptions(
  { head, method, upgrade }: OutgoingRequest,
  body: UploadBody | undefined
): Dispatcher.DispatchOptions {
  const path = head.slice(method.length + 1, head.indexOf(' ', method.length + 1))
  return {
    method,
    path,
    headers: fieldsOf(head),
    body: body ?? null,
    upgrade: upgrade ?? null,
    // The balancer has one clock for all responses that are late.
    headersTimeout: 0,
    bodyTimeout: 0
  }
}

/** Names and values in turn. */
function fieldsOf(head: string): string[] {
  const fields: string[] = []
  let at = head.indexOf('\n') + 1
  while (at < head.length - 2) {
    const colon = head.indexOf(':', at)
    const end = head.indexOf('\r\n', colon)
    const name = head.slice(at, colon)
    if (!UNDICIS_OWN.has(name)) fields.push(name, head.slice(colon + 2, end))
    at = end + 2
  }
  return fields
}
