import { areSameAuthority, isAuthority } from '../../../base/http/authority.js'
import { COLON } from '../../../base/http/characters.js'
import { FieldNames } from '../../../base/http/field-names.js'
import { isField, isTrailersOnly, OF_CONNECTION } from '../../../base/http2/field-syntax.js'
import { PseudoFields } from './pseudo-fields.js'
import { RecentLines } from './recent-lines.js'

const WEBSOCKET = 'websocket'
/** Fields that say something about the message. */
const READ = new FieldNames([
  ...['host', 'content-length', 'cookie', 'priority', 'te', 'x-request-id'],
  ...OF_CONNECTION
])
const LENGTH = /^\d+$/
/** Lengths of up to so many digits are exact in every reader. */
const MAX_LENGTH_DIGITS = 15
/** No length was declared. */
const NONE = -1

/**
 * What becomes of a field: it is passed on, passed on but read each time, left behind, makes the head other than plain, or
 * is malformed.
 */
enum Treatment {
  pass,
  note,
  leave,
  special,
  malformed
}

/** What a head may have to be plain. One with more is well-formed all the same: the checks of a request refuse it. */
export interface PlainLimits {
  readonly targetBytes: number
  /** Those that begin with a colon included. */
  readonly fields: number
  /** Declared length of a body; 0 for no limit. */
  readonly bodyBytes: number
  /** Fields that are not merely passed on. */
  readonly special: FieldNames
}

/**
 * Reads the heads of requests of HTTP/2 (RFC 9113 section 8) as those of HTTP/1.1: the authority becomes the `Host`, which
 * comes first, cookies become one field, and a body of undeclared length comes in chunks. What is malformed is not
 * repaired. What is well-formed, but not served, is read, though not as plain. The properties are those of the head that was
 * read last.
 */
export class RequestHeadReader {
  method = ''
  /** The target in origin form or asterisk form; empty for a plain CONNECT. */
  target = ''
  scheme = ''
  host = ''
  /** Whether it opens a WebSocket (RFC 8441). Its method is the GET of RFC 6455. */
  isWebSocket = false
  /** Whether it is a CONNECT, of whatever protocol: then what follows is a tunnel's. */
  isConnect = false
  /** Whether a body is to be passed on. What follows the head of a CONNECT is none. */
  hasBody = false
  /** The length that the body must have (section 8.1.1); -1 if none was declared. */
  contentLength = NONE
  /** The fields to pass on, if that is all there is to do with them. */
  plainLines: string | undefined
  givenId = ''
  /** The `Priority` (RFC 9218 section 4); empty without one. */
  priority = ''
  readonly #limits: PlainLimits
  readonly #pseudo = new PseudoFields()
  /** Of fields that are passed on, and nothing else. */
  readonly #recent = new RecentLines()
  #cookie = ''
  #hasHost = false
  #takesTrailers = false

  constructor(limits: PlainLimits) {
    this.#limits = limits
  }

  /**
   * Reads a head. Returns whether it is well-formed; otherwise its stream fails (PROTOCOL_ERROR).
   * @param fields names and values in turn, in latin1
   * @param isEnd whether the stream ends with it
   */
  read(fields: readonly string[], isEnd: boolean): boolean {
    const pseudo = this.#pseudo
    pseudo.clear()
    this.#forget()
    let at = 0
    for (; at < fields.length && fields[at]!.charCodeAt(0) === COLON; at += 2)
      if (!pseudo.add(fields[at]!, fields[at + 1]!)) return false
    if (!pseudo.check()) return false
    this.method = pseudo.method
    this.target = pseudo.path
    this.scheme = pseudo.scheme
    this.host = pseudo.authority
    this.isConnect = pseudo.method === 'CONNECT'
    this.isWebSocket = pseudo.protocol.toLowerCase() === WEBSOCKET
    return this.#readFields(fields, at, isEnd)
  }

  /** Nothing of the head before is to be taken for one of a head that is read in part. */
  #forget(): void {
    this.method = this.target = this.scheme = this.host = ''
    this.givenId = this.priority = this.#cookie = ''
    this.isWebSocket = this.isConnect = this.hasBody = this.#hasHost = this.#takesTrailers = false
    this.contentLength = NONE
    this.plainLines = undefined
  }

  #readFields(fields: readonly string[], from: number, isEnd: boolean): boolean {
    const pseudo = this.#pseudo
    const { special, targetBytes, fields: maxFields } = this.#limits
    let isPlain = pseudo.arePlain(targetBytes) && fields.length <= 2 * maxFields
    let lines = ''
    for (let at = from; at < fields.length; at += 2) {
      const name = fields[at]!
      const value = fields[at + 1]!
      const recent = this.#recent.lineOf(at >> 1, name, value)
      if (recent !== '') {
        lines += recent
        continue
      }
      if (!isField(name, value)) return false
      const { length } = name
      const first = name.charCodeAt(0)
      if (READ.mayHave(length, first) || special.mayHave(length, first)) {
        const treatment = this.#treatmentOf(name, value)
        if (treatment === Treatment.malformed) return false
        if (treatment === Treatment.special) isPlain = false
        if (treatment === Treatment.note) lines += `${name}: ${value}\r\n`
        if (treatment !== Treatment.pass) continue
      }
      lines += this.#recent.add(at >> 1, name, value)
    }
    if (this.host === '' && pseudo.isHttp) return false
    // A CONNECT has no body (RFC 9110 section 9.3.6).
    if (this.contentLength > 0 && (isEnd || this.isConnect)) return false
    this.hasBody = !isEnd && !this.isConnect && this.contentLength !== 0
    if (this.isWebSocket) this.method = 'GET'
    this.plainLines = isPlain && isAuthority(this.host) ? this.#plain(lines) : undefined
    return true
  }

  /** The lines of a plain head, with what does not stand where it came. */
  #plain(others: string): string {
    let lines = `host: ${this.host}\r\n${others}`
    if (this.#cookie !== '') lines += `cookie: ${this.#cookie}\r\n`
    if (this.hasBody && this.contentLength === NONE) lines += 'Transfer-Encoding: chunked\r\n'
    return this.#takesTrailers ? `${lines}TE: trailers\r\nConnection: TE\r\n` : lines
  }

  #treatmentOf(name: string, value: string): Treatment {
    if (READ.has(name)) return this.#readField(name, value)
    const { special } = this.#limits
    return special.hasCgiEquivalent(name) && name !== 'content-type' ? Treatment.special : Treatment.pass
  }

  /** Reads a field that says something about the message. */
  #readField(name: string, value: string): Treatment {
    switch (name) {
      case 'cookie':
        // Its parts compress better apart (section 8.2.3).
        this.#cookie = this.#cookie === '' ? value : `${this.#cookie}; ${value}`
        return Treatment.leave
      case 'host':
        return this.#readHost(value)
      case 'content-length': {
        if (this.contentLength !== NONE || !LENGTH.test(value)) return Treatment.malformed
        this.contentLength = Number(value)
        const { bodyBytes } = this.#limits
        const isTooLong =
          value.length > MAX_LENGTH_DIGITS || (bodyBytes > 0 && this.contentLength > bodyBytes)
        return isTooLong ? Treatment.special : Treatment.note
      }
      case 'priority':
        this.priority = this.priority === '' ? value : `${this.priority}, ${value}`
        return Treatment.note
      case 'te':
        this.#takesTrailers = isTrailersOnly(value)
        return this.#takesTrailers ? Treatment.leave : Treatment.malformed
      case 'x-request-id':
        // Of an empty one it would not be seen that another follows.
        if (this.givenId !== '' || value === '') return Treatment.special
        this.givenId = value
        return Treatment.leave
      default:
        return Treatment.malformed
    }
  }

  /** It names the same as the authority, or stands for it (section 8.3.1). */
  #readHost(value: string): Treatment {
    if (this.#hasHost || value === '') return Treatment.malformed
    this.#hasHost = true
    if (this.host === '') this.host = value
    else if (!areSameAuthority(this.host, value, this.#pseudo.isHttps)) return Treatment.malformed
    return Treatment.leave
  }
}
