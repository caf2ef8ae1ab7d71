import type { Message } from '../support/wire.js'

/** What the balancer writes of its own; each has tests elsewhere. */
const ADDED_TO_REQUEST = /^(x-forwarded-\w+|x-request-id|via|connection|host|transfer-encoding)$/i
const ADDED_TO_RESPONSE = /^(connection|keep-alive|date|transfer-encoding)$/i

export const ownFields = (request: Message) => request.fields.filter(([name]) => !ADDED_TO_REQUEST.test(name))
export const answeredFields = (response: Message) =>
  response.fields.filter(([name]) => !ADDED_TO_RESPONSE.test(name))
