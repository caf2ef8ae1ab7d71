import { isAuthority } from '../../../base/http/authority.js'
import { FieldNames } from '../../../base/http/field-names.js'
import { isAdminTarget } from '../../../base/http/request-target.js'

const SLASH = 0x2f
const COLON = 0x3a
const HASH = 0x23
const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09

/** The characters of a field name (RFC 9110 section 5.6.2), and of a value, `obs-text` included (section 5.5). */
const TOKEN = charTable((code) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)))
const TEXT = charTable((code) => code === TAB || (code >= SPACE && code !== 0x7f))
/** The characters of a target that Node's parser accepts, but for that of a fragment, which has no place there. */
const TARGET = charTable((code) => code > SPACE && code < 0x7f && code !== HASH)

function charTable(has: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => Number(has(code)))
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const LONGEST_METHOD = 7
const VERSION = ' HTTP/1.1\r\n'

/** Fields that frame a body in another way, wait for an answer, or change the protocol: for Node's server to read. */
const NOT_TAKEN = new FieldNames(['transfer-encoding', 'expect', 'upgrade', 'proxy-connection'])
/** Fields that say something about the message or its connection. */
const READ = new FieldNames(['host', 'content-length', 'connection', 'keep-alive', 'x-request-id'])
/** Lengths of up to so many digits are exact in every reader. */
const LENGTH = /^\d{1,15}$/
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/

/** What a head may have to be read here. */
export interface HeadLimits {
  /** Of the head, its empty line included. */
  readonly headBytes: number
  readonly targetBytes: number
  readonly fields: number
  /** Declared length of a body; 0 for no limit. */
  readonly bodyBytes: number
  /** Fields that are not merely passed on. A head with one of them is read, but is not plain. */
  readonly special: FieldNames
}

/**
 * Reads the heads of requests that are beyond doubt, by a grammar far narrower than RFC 9112's: HTTP/1.1, origin form, one
 * valid `Host`, a body of declared length or none, CRLF at the end of each line, nothing that is the balancer's own. It
 * refuses nothing: what it does not take is for Node's server to read, with all its bytes. The properties are those of the
 * head that was read last.
 */
export class HeadReader {
  method = ''
  target = ''
  host = ''
  /** Of the body; 0 without one. */
  contentLength = 0
  /** Whether the client ends the connection after this request. */
  closes = false
  /** Where the fields begin in the text. */
  fieldsAt = 0
  /** The fields to pass on, if that is all there is to do with them. */
  plainLines: string | undefined
  givenId = ''
  readonly #limits: HeadLimits

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  /**
   * Reads the head at the start of a text in latin1. Returns the position behind it, or -1 if it is not taken: for what
   * it is, or because it is not there as a whole.
   */
  read(text: string): number {
    const at = this.#readRequestLine(text)
    return at === -1 ? -1 : this.#readFields(text, at)
  }

  #readRequestLine(text: string): number {
    const space = text.indexOf(' ')
    if (space < 1 || space > LONGEST_METHOD || text.charCodeAt(space + 1) !== SLASH) return -1
    const method = text.slice(0, space)
    if (!METHODS.has(method)) return -1
    let at = space + 1
    while (TARGET[text.charCodeAt(at)] === 1) at++
    if (at - space - 1 > this.#limits.targetBytes || !text.startsWith(VERSION, at)) return -1
    this.method = method
    this.target = text.slice(space + 1, at)
    return isAdminTarget(this.target) ? -1 : at + VERSION.length
  }

  #readFields(text: string, start: number): number {
    const { special, fields, headBytes, bodyBytes } = this.#limits
    let at = start
    let count = 0
    let isPlain = true
    let hasConnection = false
    let hasHost = false
    let hasLength = false
    /** What is passed on, up to the line from which on it is not copied yet. */
    let copied = ''
    let copiedTo = start
    this.fieldsAt = start
    this.contentLength = 0
    this.closes = false
    this.givenId = ''
    for (;;) {
      const line = at
      while (TOKEN[text.charCodeAt(at)] === 1) at++
      const length = at - line
      if (length === 0) break
      if (text.charCodeAt(at) !== COLON || ++count > fields) return -1
      let valueAt = at + 1
      at++
      while (TEXT[text.charCodeAt(at)] === 1) at++
      if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) return -1
      const end = at
      at += 2
      const first = text.charCodeAt(line)
      const isRead = READ.mayHave(length, first)
      const mayBeSpecial = special.mayHave(length, first)
      const isUntaken = NOT_TAKEN.mayHave(length, first)
      if (!isRead && !mayBeSpecial && !isUntaken) continue
      const name = text.slice(line, line + length).toLowerCase()
      if (isUntaken && NOT_TAKEN.has(name)) return -1
      while (valueAt < end && isBlank(text.charCodeAt(valueAt))) valueAt++
      let valueEnd = end
      while (valueEnd > valueAt && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--
      if (name === 'host') {
        const host = text.slice(valueAt, valueEnd)
        if (hasHost || !isAuthority(host)) return -1
        hasHost = true
        this.host = host
      } else if (name === 'content-length') {
        // With the blanks behind it, as in Connection: Node 20's parser takes a tab there for a part of the value.
        const value = text.slice(valueAt, end)
        if (hasLength || !LENGTH.test(value)) return -1
        hasLength = true
        this.contentLength = Number(value)
        if (bodyBytes > 0 && this.contentLength > bodyBytes) return -1
      } else if (name === 'connection') {
        const value = text.slice(valueAt, end).toLowerCase()
        if (hasConnection || (value !== 'close' && value !== 'keep-alive')) return -1
        hasConnection = true
        this.closes = value === 'close'
        copied += text.slice(copiedTo, line)
        copiedTo = at
      } else if (name === 'keep-alive') {
        copied += text.slice(copiedTo, line)
        copiedTo = at
      } else if (name === 'x-request-id') {
        const value = text.slice(valueAt, valueEnd)
        if (this.givenId !== '' || !REQUEST_ID.test(value)) isPlain = false
        this.givenId = value
        copied += text.slice(copiedTo, line)
        copiedTo = at
      } else if (mayBeSpecial && name !== 'content-type' && special.hasCgiEquivalent(name)) {
        isPlain = false
      }
    }
    if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) return -1
    if (!hasHost || at + 2 > headBytes) return -1
    this.plainLines = isPlain ? copied + text.slice(copiedTo, at) : undefined
    return at + 2
  }
}

const isBlank = (code: number) => code === SPACE || code === TAB
