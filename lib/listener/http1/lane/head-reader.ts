import { isAuthority } from '../../../base/http/authority.js'
import { COLON, CR, charTable, LF, SPACE, TEXT, TOKEN, trimBlanks } from '../../../base/http/characters.js'
import { FieldNames } from '../../../base/http/field-names.js'
import { isAdminTarget } from '../../../base/http/request-target.js'

const SLASH = 0x2f
const HASH = 0x23

/** The characters of a target that Node's parser accepts, but for that of a fragment, which has no place there. */
const TARGET = charTable((code) => code > SPACE && code < 0x7f && code !== HASH)

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const LONGEST_METHOD = 7
const VERSION = ' HTTP/1.1\r\n'

/** Fields that frame a body in another way, wait for an answer, or change the protocol: for Node's server to read. */
const NOT_TAKEN = ['transfer-encoding', 'expect', 'upgrade', 'proxy-connection']
/** These, and the others that say something about the message or its connection. */
const READ = new FieldNames([
  'host',
  'content-length',
  'connection',
  'keep-alive',
  'x-request-id',
  ...NOT_TAKEN
])
/** Lengths of up to so many digits are exact in every reader. */
const LENGTH = /^\d{1,15}$/

/** What becomes of a field: it is passed on, left behind, makes the head other than plain, or not one of the lane. */
enum Treatment {
  pass,
  leave,
  special,
  refuse
}

/** No length was declared so far. */
const NONE = -1

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
 * Reads the heads of requests that every reader reads alike, by a grammar far narrower than RFC 9112's: HTTP/1.1, origin
 * form, one valid `Host`, a body of declared length or none, CRLF at the end of each line, nothing that is the balancer's
 * own. It refuses nothing: what it does not take is for Node's server to read, with all its bytes. The properties are
 * those of the head that was read last.
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
  /** The option of the connection; empty without one. */
  #connection = ''

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
    const { special, fields, headBytes } = this.#limits
    let at = start
    let count = 0
    let isPlain = true
    /** What is passed on, up to the line from which on it is not copied yet. */
    let copied = ''
    let copiedTo = start
    this.fieldsAt = start
    this.host = this.givenId = ''
    this.contentLength = NONE
    this.#connection = ''
    for (;;) {
      const line = at
      while (TOKEN[text.charCodeAt(at)] === 1) at++
      const length = at - line
      if (length === 0) break
      if (text.charCodeAt(at) !== COLON || ++count > fields) return -1
      const colon = at
      do at++
      while (TEXT[text.charCodeAt(at)] === 1)
      if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) return -1
      at += 2
      const first = text.charCodeAt(line)
      if (!READ.mayHave(length, first) && !special.mayHave(length, first)) continue
      const name = text.slice(line, colon).toLowerCase()
      const treatment = READ.has(name)
        ? this.#readField(name, text.slice(colon + 1, at - 2))
        : special.hasCgiEquivalent(name) && name !== 'content-type'
          ? Treatment.special
          : Treatment.pass
      if (treatment === Treatment.refuse) return -1
      if (treatment === Treatment.special) isPlain = false
      if (treatment !== Treatment.leave) continue
      copied += text.slice(copiedTo, line)
      copiedTo = at
    }
    if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) return -1
    if (this.host === '' || at + 2 > headBytes) return -1
    if (this.contentLength === NONE) this.contentLength = 0
    this.closes = this.#connection === 'close'
    this.plainLines = isPlain ? copied + text.slice(copiedTo, at) : undefined
    return at + 2
  }

  /** Reads a field that says something about the message or its connection. */
  #readField(name: string, text: string): Treatment {
    const value = trimBlanks(text)
    switch (name) {
      case 'host':
        if (this.host !== '' || !isAuthority(value)) return Treatment.refuse
        this.host = value
        return Treatment.pass
      case 'content-length': {
        const { bodyBytes } = this.#limits
        if (this.contentLength !== NONE || endsInBlank(text) || !LENGTH.test(value)) return Treatment.refuse
        this.contentLength = Number(value)
        return bodyBytes > 0 && this.contentLength > bodyBytes ? Treatment.refuse : Treatment.pass
      }
      case 'connection':
        if (this.#connection !== '' || endsInBlank(text)) return Treatment.refuse
        this.#connection = value.toLowerCase()
        return this.#connection === 'close' || this.#connection === 'keep-alive'
          ? Treatment.leave
          : Treatment.refuse
      case 'keep-alive':
        return Treatment.leave
      case 'x-request-id':
        // Of an empty one it would not be seen that another follows.
        if (this.givenId !== '' || value === '') return Treatment.special
        this.givenId = value
        return Treatment.leave
      default:
        return Treatment.refuse
    }
  }
}

/** Node 20's parser takes a tab at the end of some values for a part of them. */
const endsInBlank = (text: string) => text.endsWith(' ') || text.endsWith('\t')

/** In what is longer a body is likely, which need not be decoded. */
const LIKELY_HEAD_BYTES = 4096

/** The text at the start of some bytes, in latin1, in which a head ends, if it ends in them or is not too long. */
export function headText(bytes: Buffer, maxHeadBytes: number): string {
  if (bytes.length <= LIKELY_HEAD_BYTES) return bytes.toString('latin1', 0, bytes.length)
  const end = bytes.indexOf('\r\n\r\n', 0, 'latin1')
  return bytes.toString('latin1', 0, Math.min(end === -1 ? bytes.length : end + 4, maxHeadBytes))
}
