import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuseRest } from './client-connection.js'
import { type Failure, RETRY_AFTER_S } from './failure.js'
import { lingerAfter } from './linger.js'
import { hasBody } from './request-body.js'

interface Prepared {
  readonly body: string
  readonly isOfClient: boolean
  readonly fields: readonly string[]
}

/** What is no reason to doubt that the client's next request is in order. */
const OF_BACKENDS = new Set([502, 503, 504])

const prepared = new WeakMap<Failure, Prepared>()

/** Answers a request with a failure at the cost of one write. */
export function answerRaw(req: IncomingMessage, res: ServerResponse, failure: Failure): void {
  let answer = prepared.get(failure)
  if (!answer) {
    answer = prepare(failure)
    prepared.set(failure, answer)
  }
  const { body, fields, isOfClient } = answer
  // A body that nobody reads would be taken for the next request, and so would the rest of one that is wrong.
  const closes = hasBody(req) || isOfClient
  const list = closes ? [...fields, 'Connection', 'close'] : (fields as string[])
  if (closes && !req.complete) lingerAfter(req)
  else if (closes) refuseRest(req.socket)
  // The phrase by name, as a response that could not be passed on may have left its own.
  res.writeHead(failure.statusCode, failure.error, list)
  res.end(body)
}

function prepare(failure: Failure): Prepared {
  const body = JSON.stringify(failure)
  const fields = [
    'Content-Type',
    'application/json; charset=utf-8',
    'Content-Length',
    `${Buffer.byteLength(body)}`
  ]
  if (failure.statusCode === 503) fields.push('Retry-After', `${RETRY_AFTER_S}`)
  return { body, fields, isOfClient: !OF_BACKENDS.has(failure.statusCode) }
}
