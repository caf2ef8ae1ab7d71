import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** An error of Node's HTTP parser. */
export interface ParserError extends Error {
  readonly code?: string
  readonly reason?: string
  /** The bytes of the read in which it was found. */
  readonly rawPacket?: Buffer
  /** Its position in those. */
  readonly bytesParsed?: number
}

/** What follows the target; `0` stands for any digit. */
const VERSION = 'HTTP/0.0\r\n'
/** Up to here the parser reads the version before it rejects a method of another protocol, such as RTSP. */
const NAME_LENGTH = 'HTTP'.length
const OTHER_PROTOCOL = 'Invalid method for HTTP/x.x request'
const PREFACE_WANTED = 'Expected HTTP/2 Connection Preface'
const PREFACE_LINE = /(?:^|\n)(PRI [!-~]+ HTTP\/1\.[01]\r\n)$/
const READ_BEFORE = /(?:^|\n)([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP$/

const isToken = (char: string) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(char)
const isVisible = (char: string) => char >= '!' && char <= '~'
const isDigit = (char: string) => char >= '0' && char <= '9'

/** Parses a request line that Node's parser rejected for its method (RFC 9112 section 3). */
class RequestLine {
  method = ''
  target = ''
  version = ''
  state: 'method' | 'target' | 'version' | 'whole' | 'broken' = 'method'
  length = 0

  parse(text: string): void {
    for (let i = 0; i < text.length && this.state !== 'whole' && this.state !== 'broken'; i++)
      this.#parse(text[i]!)
  }

  #parse(char: string): void {
    this.length++
    if (this.state === 'version') {
      const wanted = VERSION[this.version.length]!
      this.version += char
      if (isDigit(wanted) ? !isDigit(char) : char !== wanted) this.state = 'broken'
      else if (this.version.length === VERSION.length) this.state = 'whole'
    } else if (this.state === 'method') {
      if (isToken(char)) this.method += char
      else this.state = char === ' ' && this.method !== '' ? 'target' : 'broken'
    } else if (isVisible(char)) {
      this.target += char
    } else {
      this.state = char === ' ' && this.target !== '' ? 'version' : 'broken'
    }
  }
}

/**
 * Tells requests with a method that Node's parser does not know from invalid ones: the former are answered `501`
 * (RFC 9110 section 9.1).
 */
export class UnknownMethodParser {
  readonly #maxBytes: number
  readonly #open = new WeakMap<Socket, RequestLine>()

  /** @param maxBytes limit of a request line */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Parses the bytes of a parse error; Node reports one for each read after the first. Returns the request without its
   * fields, `more` if its line is incomplete, or undefined if it is invalid.
   */
  parse(error: ParserError, socket: Socket): IncomingMessage | 'more' | undefined {
    const { rawPacket } = error
    if (!rawPacket) return undefined
    let line = this.#open.get(socket)
    if (line) line.parse(rawPacket.toString('latin1'))
    else line = lineIn(error, rawPacket.toString('latin1'))
    if (line?.state === 'whole') return requestOf(line, socket)
    if (!line || line.state === 'broken' || line.length > this.#maxBytes) return undefined
    this.#open.set(socket, line)
    return 'more'
  }
}

/** The request line of an error, as far as it was received; undefined if the error is not about its method. */
function lineIn({ code, reason, bytesParsed = 0 }: ParserError, text: string): RequestLine | undefined {
  const line = new RequestLine()
  if (code === 'HPE_INVALID_METHOD') {
    let from = bytesParsed
    // An earlier read had the beginning of a known method.
    while (from > 0 && isToken(text[from - 1]!)) from--
    line.parse(text.slice(from))
    return line
  }
  const before = text.slice(0, bytesParsed)
  if (reason === PREFACE_WANTED) line.parse(PREFACE_LINE.exec(before)?.[1] ?? '')
  if (reason !== OTHER_PROTOCOL) return line.length > 0 ? line : undefined
  const [, method = '', target = ''] = READ_BEFORE.exec(before) ?? []
  Object.assign(line, { method, target, version: VERSION.slice(0, NAME_LENGTH), state: 'version' })
  line.parse(text.slice(bytesParsed))
  return line
}

function requestOf({ method, target, version }: RequestLine, socket: Socket): IncomingMessage {
  const req = new IncomingMessage(socket)
  req.method = method
  req.url = target
  req.httpVersion = version.slice(NAME_LENGTH + 1).trimEnd()
  req.httpVersionMajor = Number(req.httpVersion[0])
  req.httpVersionMinor = Number(req.httpVersion[2])
  return req
}
