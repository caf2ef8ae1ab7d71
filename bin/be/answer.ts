import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import type { Behaviour } from './behaviour.js'

const FILL = 'abcdefghijklmnopqrstuvwxyz0123456789\n'
const CHUNK_BYTES = 65_536

/** The port that a backend listens on, or the path of its Unix socket. */
export type Place = number | string

/** Answers one request; `number` counts the requests so far. */
export type Answer = (req: IncomingMessage, res: ServerResponse, number: number) => void

/** Builds the answer of a behaviour, with whatever does not depend on the request prepared. */
export function createAnswer(behaviour: Behaviour, place: Place): Answer {
  if (behaviour.echo) return echo(behaviour, place)
  const fields = ['content-type', 'text/plain', 'X-Backend', String(place)]
  const { status, sizeBytes, chunked } = behaviour
  const hasBody = status !== 204 && status !== 304

  if (sizeBytes !== undefined) {
    const body = Buffer.alloc(sizeBytes, FILL)
    return (_req, res) => send(res, status, fields, body, chunked, hasBody)
  }
  const start = `${behaviour.content} (${typeof place === 'number' ? 'port' : 'socket'} ${place}), request `
  if (chunked || !hasBody) {
    return (_req, res, number) =>
      send(res, status, fields, Buffer.from(`${start}${number}\n`), chunked, hasBody)
  }
  const startBytes = Buffer.byteLength(start)
  return (_req, res, number) => {
    const digits = String(number)
    const lengthBytes = startBytes + digits.length + 1
    // A flat list and a text body: Node then writes head and body at once, without a header object between.
    res.writeHead(status, [...fields, 'content-length', String(lengthBytes)])
    res.end(`${start}${digits}\n`)
  }
}

/** Answers with a short text. */
export function sendText(res: ServerResponse, status: number, body: string, place: Place): void {
  const fields = ['content-type', 'text/plain', 'X-Backend', String(place)]
  send(res, status, fields, Buffer.from(body), false, status !== 204 && status !== 304)
}

function send(
  res: ServerResponse,
  status: number,
  fields: string[],
  body: Buffer,
  chunked: boolean,
  hasBody: boolean
): void {
  if (!hasBody) {
    res.writeHead(status, fields)
    res.end()
    return
  }
  if (!chunked) {
    res.writeHead(status, [...fields, 'content-length', String(body.length)])
    res.end(body)
    return
  }
  res.writeHead(status, [...fields, 'transfer-encoding', 'chunked'])
  for (let offset = 0; offset < body.length; offset += CHUNK_BYTES) {
    res.write(body.subarray(offset, offset + CHUNK_BYTES))
  }
  res.end()
}

function echo({ status, chunked }: Behaviour, place: Place): Answer {
  return (req, res) => {
    const { 'content-type': type, 'content-length': length, 'transfer-encoding': coding } = req.headers
    const fields = ['X-Backend', String(place), 'X-Echo-Method', req.method!, 'X-Echo-Target', req.url!]
    if (type !== undefined) fields.push('content-type', type)
    if (chunked || coding !== undefined) fields.push('transfer-encoding', 'chunked')
    else fields.push('content-length', length ?? '0')
    res.writeHead(status, fields)
    // A client that leaves early needs no answer.
    pipeline(req, res, () => {})
  }
}
