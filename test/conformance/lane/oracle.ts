import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** What Node's HTTP server has on each connection; the same in Node 20 to 26. */
interface Parser {
  [callback: number]: (...given: never[]) => unknown
  _headers: string[]
  _url: string
  socket: unknown
  maxHeaderPairs: number
  onIncoming: (req: IncomingMessage, shouldKeepAlive: boolean) => number
  initialize(kind: number, resource: object, maxHeaderSize: number, lenientFlags: number): void
  execute(bytes: Buffer): number | Error
}

interface ParserInternals {
  parsers: { alloc(): Parser }
  HTTPParser: Record<'REQUEST' | 'kOnMessageBegin' | 'kOnBody' | 'kOnMessageComplete', number>
}

const { parsers, HTTPParser } = require('node:_http_common') as ParserInternals
const RESOURCE = {}
const STRICT = 0
const NO_LIMIT = 0

/** Node's own parser (llhttp), strict, as the server of the balancer has it: the oracle for what a message is. */
export class NodeReader {
  /** The request whose head was read last. */
  req: IncomingMessage | undefined
  keepsAlive = false
  /** Heads, bytes of bodies, and messages so far. */
  heads = 0
  bodyBytes = 0
  messages = 0
  begun = 0
  readonly #parser: Parser

  /** @param socket of the requests that it makes */
  constructor(socket: Socket) {
    const parser = parsers.alloc()
    parser.socket = socket
    parser.onIncoming = (req, shouldKeepAlive) => {
      this.req = req
      this.keepsAlive = shouldKeepAlive
      this.heads++
      return 0
    }
    parser[HTTPParser.kOnMessageBegin] = () => {
      this.begun++
    }
    parser[HTTPParser.kOnBody] = (body: Buffer) => {
      this.bodyBytes += body.length
    }
    parser[HTTPParser.kOnMessageComplete] = () => {
      this.messages++
    }
    this.#parser = parser
  }

  /** Begins a new connection. */
  open(maxHeadBytes: number): void {
    const parser = this.#parser
    parser.initialize(HTTPParser.REQUEST, RESOURCE, maxHeadBytes, STRICT)
    parser.maxHeaderPairs = NO_LIMIT
    parser._headers = []
    parser._url = ''
    this.req = undefined
    this.heads = this.bodyBytes = this.messages = this.begun = 0
  }

  /** Reads the next bytes of the connection. Returns the code of the error in them, if there is one. */
  read(bytes: Buffer): string | undefined {
    const result = this.#parser.execute(bytes)
    return result instanceof Error ? (result as NodeJS.ErrnoException).code : undefined
  }
}
