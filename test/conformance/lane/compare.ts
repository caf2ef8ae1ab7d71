import type { IncomingMessage } from 'node:http'
import { BlockList, type Socket } from 'node:net'
import type { Destination } from '../../../lib/base/http/request-target.js'
import type { HeadLimits, HeadReader } from '../../../lib/listener/http1/lane/head-reader.js'
import { bodilessRequest, LaneUpload } from '../../../lib/listener/http1/lane/lane-request.js'
import { requestId } from '../../../lib/listener/request-id.js'
import { checkRequest } from '../../../lib/proxy/request/request-check.js'
import { outgoingRequest } from '../../../lib/proxy/request/request-head.js'
import { NodeReader } from './oracle.js'

/** Of no connection: requests ask it for the addresses and the size of buffers only. */
const SOCKET = {
  remoteAddress: '192.0.2.7',
  localPort: 80,
  readableHighWaterMark: 65_536
} as unknown as Socket
const TRUSTED = new BlockList()
const NO_SOURCE = { resumeBody: () => {}, limitPause: () => {} }
const KEPT_BYTES = 1024
/** Bodies of up to so many bytes are sent whole. */
const WHOLE_BODY_BYTES = 4096
const NEXT = Buffer.from('GET /next HTTP/1.1\r\nHost: next\r\n\r\n')
const BROKEN_LINE = /\0|\r(?!\n)|(?<!\r)\n/

const node = new NodeReader(SOCKET)

/** How the lane and Node's server differ about a message; undefined if they do not, or `untaken` if Node's server reads it. */
export function differenceOf(text: string, reader: HeadReader, limits: HeadLimits): string | undefined {
  const end = reader.read(text)
  if (end === -1) return 'untaken'
  return differenceInReading(text, end, reader, limits) ?? differenceInForwarding(text, end, reader, limits)
}

/** About what the message is, and where it ends: told byte by byte around each end. */
function differenceInReading(
  text: string,
  end: number,
  { method, target, closes, contentLength }: HeadReader,
  { headBytes }: HeadLimits
): string | undefined {
  if (end > text.length) return `ends at ${end} of ${text.length}`
  const head = Buffer.from(text.slice(0, end), 'latin1')
  node.open(headBytes)
  let error = node.read(head.subarray(0, -1))
  if (error) return `refused: ${error}`
  if (node.heads > 0) return 'ends before'
  error = node.read(head.subarray(-1))
  if (error) return `refused: ${error}`
  const { req } = node
  if (!req) return 'ends behind'
  if ('upgrade' in req && req.upgrade) return 'upgrade'
  if (req.httpVersion !== '1.1') return `version ${req.httpVersion}`
  if (req.method !== method) return `method ${req.method}, not ${method}`
  if (req.url !== target) return `target ${req.url}, not ${target}`
  if (node.keepsAlive === closes) return `keep-alive ${node.keepsAlive}`
  return differenceInBody(text, end, contentLength) ?? (closes ? undefined : differenceInNext())
}

function differenceInBody(text: string, end: number, length: number): string | undefined {
  if (length === 0) return node.messages === 1 ? undefined : 'a body'
  const sent = Math.min(length, WHOLE_BODY_BYTES)
  const body = Buffer.from(text.slice(end, end + sent).padEnd(sent, 'x'), 'latin1')
  const error =
    node.read(body.subarray(0, -1)) ?? (node.messages > 0 ? 'shorter' : node.read(body.subarray(-1)))
  if (error) return `body: ${error}`
  if (node.bodyBytes !== sent) return `a body of ${node.bodyBytes}, not ${sent}`
  if (node.messages !== Number(sent === length)) return 'a body of another length'
  const declared = Number(node.req!.headers['content-length'])
  return declared === length ? undefined : `a body of ${declared}, not ${length}`
}

/** The next message begins with the next byte. */
function differenceInNext(): string | undefined {
  if (node.messages === 0) return undefined
  const { req } = node
  const error = node.read(NEXT)
  const next = node.req!
  node.req = req
  if (error) return `next: ${error}`
  return node.messages === 2 && node.begun === 2 && next.url === '/next' ? undefined : `next: ${next.url}`
}

/** About the request that comes of it, and what backends get. */
function differenceInForwarding(
  text: string,
  end: number,
  reader: HeadReader,
  limits: HeadLimits
): string | undefined {
  const theirs = node.req!
  const fields = text.slice(reader.fieldsAt, end - 2)
  const ours =
    reader.contentLength === 0
      ? bodilessRequest(SOCKET, reader, fields)
      : new LaneUpload(SOCKET, reader, fields, NO_SOURCE)
  const requestLimits = { ...limits, headers: limits.fields }
  const destination = checkRequest(theirs, theirs.url!, requestLimits)
  const ownDestination = checkRequest(ours, ours.url!, requestLimits)
  if (!isSame(ownDestination, destination))
    return `checked: ${show(destination)}, not ${show(ownDestination)}`
  const isRefused = !('path' in destination)
  // Before its fields are asked for, which may make a difference.
  const sent = isRefused ? undefined : sentOf(ours, destination)
  if (!isSame(ours.rawHeaders, theirs.rawHeaders))
    return `fields ${show(theirs.rawHeaders)}, not ${show(ours.rawHeaders)}`
  if (!isSame(ours.headers, theirs.headers))
    return `headers ${show(theirs.headers)}, not ${show(ours.headers)}`
  return isRefused ? undefined : differenceInSent(sentOf(theirs, destination), sent!)
}

const show = (value: object) => JSON.stringify(value)

/** Whether two values are the same; of objects: the same keys in the same order, with the same values. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (Array.isArray(one))
    return Array.isArray(other) && one.length === other.length && one.every((item, i) => item === other[i])
  if (!isObject(one) || !isObject(other)) return false
  const keys = Object.keys(one)
  return (
    isSame(keys, Object.keys(other)) &&
    keys.every((key) => isSame(one[key as keyof object], other[key as keyof object]))
  )
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

interface Sent {
  readonly id: string
  readonly request: ReturnType<typeof outgoingRequest>
}

function sentOf(req: IncomingMessage, destination: Destination): Sent {
  const id = requestId(req)
  const by = { target: req.url!, requestId: 'id', forwarded: false, trusted: TRUSTED }
  return { id, request: outgoingRequest(req, destination, by, KEPT_BYTES) }
}

function differenceInSent(theirs: Sent, ours: Sent): string | undefined {
  if (theirs.id !== ours.id && !(isGenerated(theirs.id) && isGenerated(ours.id)))
    return `id ${theirs.id}, not ${ours.id}`
  const { head } = theirs.request
  const own = ours.request.head
  if (BROKEN_LINE.test(own)) return `sends a broken line: ${own}`
  if (head !== own && head !== readAgain(own)) return `sends ${head}, not ${own}`
  for (const key of ['lacksHost', 'replayable'] as const)
    if (theirs.request[key] !== ours.request[key]) return `${key} ${ours.request[key]}`
  return Boolean(theirs.request.body) === Boolean(ours.request.body) ? undefined : 'body'
}

const GENERATED_PREFIX = requestId({ headers: {} } as IncomingMessage).replace(/[^-]*$/, '')
const isGenerated = (id: string) => id.startsWith(GENERATED_PREFIX)

/** A head with its fields as a simple reader has them: one blank behind each colon, and none behind the value. */
function readAgain(head: string): string {
  let at = head.indexOf('\r\n') + 2
  let read = head.slice(0, at)
  for (;;) {
    const end = head.indexOf('\r\n', at)
    if (end === at) return read + head.slice(at)
    const colon = head.indexOf(':', at)
    read += `${head.slice(at, colon)}: ${trimmed(head, colon + 1, end)}\r\n`
    at = end + 2
  }
}

const isBlank = (code: number) => code === 0x20 || code === 0x09

function trimmed(text: string, start: number, end: number): string {
  let from = start
  let to = end
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}
