import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** What Node tells of bytes that are no request to its parser. */
export interface ParserError extends Error {
  readonly code?: string
  readonly reason?: string
  /** The read in which it was found. */
  readonly rawPacket?: Buffer
  /** Where in that. */
  readonly bytesParsed?: number
}

/** What follows the target; a digit stands for any. */
const VERSION = 'HTTP/0.0\r\n'
/** In a version up to here the parser has read what it refuses as a method of another protocol, such as RTSP. */
const NAME_LENGTH = 'HTTP'.length
const OTHER_PROTOCOL = 'Invalid method for HTTP/x.x request'
const PREFACE_WANTED = 'Expected HTTP/2 Connection Preface'
const PREFACE_LINE = /(?:^|\n)(PRI [!-~]+ HTTP\/1\.[01]\r\n)$/
const READ_BEFORE = /(?:^|\n)([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP$/

const isToken = (char: string) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(char)
const isVisible = (char: string) => char >= '!' && char <= '~'
const isDigit = (char: string) => char >= '0' && char <= '9'

/** A request line that Node's parser has refused for its method, read on from there as RFC 9112 section 3 has it. */
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
 * Finds the requests among what Node's parser refuses that are in order but for a method that it does not know: these
 * are to be told so (RFC 9110 section 9.1), while all else is no request at all.
 */
export class UnknownMethodParser {
  readonly #maxBytes: number
  readonly #open = new WeakMap<Socket, RequestLine>()

  /** @param maxBytes of a line that comes in parts */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Reads on a connection what an error was found in; Node finds one in each read after the first. Returns the request
   * without its fields, `more` if it has not come as far as that can be told, or undefined if it is none.
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

/** The line of which an error tells, as far as it has come; undefined if its method is not what is wrong. */
function lineIn({ code, reason, bytesParsed = 0 }: ParserError, text: string): RequestLine | undefined {
  const line = new RequestLine()
  if (code === 'HPE_INVALID_METHOD') {
    let from = bytesParsed
    // What came in a read before this one was the beginning of a method that is known.
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
