import type { ServerResponse } from 'node:http'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import { internals } from './response-internals.js'

/**
 * Sets the head of a response as `writeHead` would, but line for line as the backend sent it: Node would take the text
 * apart and check it again, only to put it together. The framing of the body is chosen as Node chooses it.
 * @param lines further fields, each with its CRLF
 * @param closing whether the connection to the client ends with this response
 */
export function startResponse(
  res: ServerResponse,
  head: ResponseHead,
  lines: string,
  closing: boolean
): void {
  const message = internals(res)
  const { statusCode, contentLength } = head
  let text = res.socket === null ? takeHeldBack(res) + head.text : head.text
  if (lines !== '') text += lines
  res.statusCode = statusCode
  if (statusCode === 101) {
    message._header = `${text}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`
    flushHead(res)
    return
  }
  if (!head.hasDate) text += `Date: ${httpDate()}\r\n`
  const hasBody = message._hasBody && statusCode !== 204 && statusCode !== 304
  const canChunk = res.req.httpVersionMinor > 0
  message._hasBody = hasBody
  res.chunkedEncoding = hasBody && contentLength < 0 && canChunk
  message._last =
    closing ||
    !res.shouldKeepAlive ||
    message.maxRequestsOnConnectionReached === true ||
    (hasBody && contentLength < 0 && !canChunk)
  text += message._last ? 'Connection: close\r\n' : keepAliveFields(message._keepAliveTimeout)
  message._header = `${text}${res.chunkedEncoding ? 'Transfer-Encoding: chunked\r\n' : ''}\r\n`
}

/** Whether the connection to the client ends with this response. */
export function isLast(res: ServerResponse): boolean {
  return internals(res)._last
}

/** Ends the connection with a response, whose head says so unless it is on its way already. */
export function closeAfter(res: ServerResponse): void {
  res.shouldKeepAlive = false
  if (res.headersSent) internals(res)._last = true
}

/** Sends the head by itself, unless it was sent with a part of the body. */
export function flushHead(res: ServerResponse): void {
  const message = internals(res)
  // Node's own method would write it as UTF-8.
  if (!message._headerSent) message._send('', 'latin1')
}

/** Interim responses to pipelined requests that wait for their turn. */
const heldBack = new WeakMap<ServerResponse, string>()

/** Sends an interim response, ahead of the final one. */
export function writeInterim(res: ServerResponse, head: ResponseHead): void {
  const text = `${head.text}\r\n`
  if (res.socket !== null) {
    internals(res)._writeRaw(text, 'latin1')
    return
  }
  // Node would put the final head in front of what was written earlier.
  const before = heldBack.get(res)
  heldBack.set(res, before === undefined ? text : before + text)
  if (before === undefined) res.once('socket', () => sendHeldBack(res))
}

function sendHeldBack(res: ServerResponse): void {
  if (!res.headersSent) internals(res)._writeRaw(takeHeldBack(res), 'latin1')
}

function takeHeldBack(res: ServerResponse): string {
  const text = heldBack.get(res) ?? ''
  heldBack.delete(res)
  return text
}

let keepAliveMs = -1
let keepAlive = ''

/** The fields that tell a client how long its connection is kept. */
export function keepAliveFields(timeoutMs: number): string {
  if (timeoutMs !== keepAliveMs) {
    keepAliveMs = timeoutMs
    const hint = timeoutMs > 0 ? `Keep-Alive: timeout=${Math.floor(timeoutMs / 1000)}\r\n` : ''
    keepAlive = `Connection: keep-alive\r\n${hint}`
  }
  return keepAlive
}

let dateSecond = -1
let date = ''

/** The current time in the format of `Date` (RFC 9110 section 5.6.7). */
export function httpDate(): string {
  const now = Date.now()
  const second = Math.floor(now / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    date = new Date(now).toUTCString()
  }
  return date
}
