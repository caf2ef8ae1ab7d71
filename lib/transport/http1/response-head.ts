import { COLON, CR, LF, SPACE, TEXT, TOKEN, trimBlanks } from '../../base/http/characters.js'
import { connectionOptions, FieldNames } from '../../base/http/field-names.js'
import { BrokenResponse } from './broken-response.js'

/** The head of a response, without the fields that are of the connection alone (RFC 9110 section 7.6.1). */
export class ResponseHead {
  statusCode = 0
  http10 = false
  /** Status line and fields for the client, each with its CRLF, in the backend's order, case and bytes (latin1). */
  text = ''
  /** Bytes, or -1 without a `Content-Length`. */
  contentLength = -1
  chunked = false
  /** Whether trailers may follow the body. */
  get mayHaveTrailers(): boolean {
    return this.chunked || this.fromHttp2
  }
  /** Whether it was received over HTTP/2. */
  fromHttp2 = false
  hasDate = false
  /** Whether the connection may be reused. */
  persistent = true
  /** The timeout in `Keep-Alive`, or -1. */
  keepAliveSeconds = -1
  /** The protocols of an `Upgrade` field. */
  upgrade: string | undefined
  /** Names of fields that no HTTP/2 encoder may index (RFC 7541 section 6.2.3). */
  neverIndexed: ReadonlySet<string> | undefined
}

/** Fields that are read here. All but the first two are dropped (RFC 9110 section 7.6.1). */
const CONNECTION_FIELDS = new FieldNames([
  'content-length',
  'date',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade'
])

/** Whitespace between a field name and its colon. */
const LOOSE_COLON = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]+:/gm

/**
 * Parses the head of a response.
 * @param text status line and fields, each with its CRLF, in latin1
 * @throws {BrokenResponse} if RFC 9112 does not allow it; whitespace before a colon is removed, as section 5.1 demands of
 * proxies
 */
export function parseResponseHead(text: string): ResponseHead {
  const head = new ResponseHead()
  // Copied in runs of lines: mostly that is all of the text, or all but the last lines.
  let kept = parseStatusLine(head, text)
  const fieldsAt = text.indexOf('\n') + 1
  let keptTo = kept === '' ? 0 : fieldsAt
  let named: readonly string[] | undefined
  for (let at = fieldsAt; at < text.length; ) {
    const line = at
    while (TOKEN[text.charCodeAt(at)] === 1) at++
    const length = at - line
    if (text.charCodeAt(at) !== COLON || length === 0) {
      const tightened = text.replace(LOOSE_COLON, '$1:')
      if (tightened !== text) return parseResponseHead(tightened)
      throw new BrokenResponse('field name')
    }
    const valueAt = ++at
    while (TEXT[text.charCodeAt(at)] === 1) at++
    if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) throw new BrokenResponse('field value')
    at += 2
    if (!CONNECTION_FIELDS.mayHave(length, text.charCodeAt(line))) continue
    const name = text.slice(line, line + length).toLowerCase()
    const value = trimBlanks(text, valueAt, at - 2)
    if (name === 'connection') named = named ? named.concat(optionsOf(value)) : optionsOf(value)
    if (isPassedOn(head, name, value)) continue
    kept += text.slice(keptTo, line)
    keptTo = at
  }
  head.text = keptTo === 0 ? text : kept + text.slice(keptTo)
  if (named) applyConnection(head, named)
  if (head.chunked && head.contentLength >= 0) throw new BrokenResponse('length and chunks')
  if (head.chunked && head.http10) throw new BrokenResponse('chunks in HTTP/1.0')
  return head
}

const CLOSE = ['close']
const KEEP_ALIVE = ['keep-alive']

/** The options of `Connection`, without an allocation for the two usual values. */
function optionsOf(connection: string): readonly string[] {
  if (connection === 'keep-alive') return KEEP_ALIVE
  return connection === 'close' ? CLOSE : connectionOptions(connection)
}

let lastHint = ''
let lastHintSeconds = -1

/** The timeout in a `Keep-Alive` field, in seconds, or -1. The latest is cached: a backend mostly sends the same. */
function keepAliveTimeout(value: string): number {
  if (value !== lastHint) {
    lastHint = value
    lastHintSeconds = Number(/(?:^|[\s,])timeout=(\d{1,9})(?:$|[\s,;])/i.exec(value)?.[1] ?? -1)
  }
  return lastHintSeconds
}

const VERSION = 'HTTP/1.'
const MINOR_AT = VERSION.length
const STATUS_AT = MINOR_AT + 2
const REASON_AT = STATUS_AT + 4

/** A decimal digit of a text; NaN if there is none. */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - 48
  return digit >= 0 && digit <= 9 ? digit : Number.NaN
}

/** Parses the status line. Returns what replaces it, or an empty text if it is passed on as it is. */
function parseStatusLine(head: ResponseHead, text: string): string {
  const minor = digitAt(text, MINOR_AT)
  const status =
    100 * digitAt(text, STATUS_AT) + 10 * digitAt(text, STATUS_AT + 1) + digitAt(text, STATUS_AT + 2)
  const hasReason = text.charCodeAt(REASON_AT - 1) === SPACE
  let end = REASON_AT - 1
  if (hasReason) for (end++; TEXT[text.charCodeAt(end)] === 1; ) end++
  const isWhole = text.charCodeAt(end) === CR && text.charCodeAt(end + 1) === LF
  const isVersion = text.startsWith(VERSION) && minor >= 0 && text.charCodeAt(MINOR_AT + 1) === SPACE
  if (!isWhole || !isVersion || !(status >= 100)) throw new BrokenResponse('status line')
  head.statusCode = status
  head.http10 = minor === 0
  head.persistent = !head.http10
  return minor === 1 && hasReason ? '' : `HTTP/1.1 ${status} ${text.slice(REASON_AT, end)}\r\n`
}

/** Reads a field into the head. Returns whether it is passed on to the client. */
function isPassedOn(head: ResponseHead, name: string, value: string): boolean {
  switch (name) {
    case 'content-length':
      if (!/^\d{1,15}$/.test(value)) throw new BrokenResponse('length that is none')
      if (head.contentLength >= 0) throw new BrokenResponse('two lengths')
      head.contentLength = Number(value)
      // There must be none on 1xx and 204 (RFC 9110 section 8.6): a client might wait for a body.
      return head.statusCode >= 200 && head.statusCode !== 204
    case 'transfer-encoding':
      // Another coding would be dropped with the field, and the body could not be decoded.
      if (head.chunked || value.toLowerCase() !== 'chunked') throw new BrokenResponse('transfer coding')
      head.chunked = true
      return false
    case 'keep-alive': {
      const seconds = keepAliveTimeout(value)
      if (seconds >= 0) head.keepAliveSeconds = seconds
      return false
    }
    case 'upgrade':
      head.upgrade = head.upgrade === undefined ? value : `${head.upgrade}, ${value}`
      return false
    case 'date':
      head.hasDate = true
      return true
    default:
      return !OF_CONNECTION.has(name)
  }
}

const OF_CONNECTION = new Set(['connection', 'proxy-connection', 'te'])

/** Applies the options of `Connection`: drops the fields that it names (RFC 9110 section 7.6.1). */
function applyConnection(head: ResponseHead, options: readonly string[]): void {
  if (options.includes('close')) head.persistent = false
  else if (options.includes('keep-alive')) head.persistent = true
  if (options === KEEP_ALIVE || options === CLOSE) return
  const names = new Set(options.filter((option) => !NEVER_DROPPED.has(option)))
  if (names.size === 0) return
  const [statusLine, ...lines] = head.text.split(/(?<=\r\n)/)
  const isKept = (line: string) => !names.has(line.slice(0, line.indexOf(':')).toLowerCase())
  head.text = statusLine + lines.filter(isKept).join('')
  if (names.has('date')) head.hasDate = false
}

const NEVER_DROPPED = new Set(['close', 'keep-alive', 'content-length'])
