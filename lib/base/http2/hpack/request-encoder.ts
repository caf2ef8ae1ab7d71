import { EncodedName, EncodedNames } from './encoded-name.js'
import { FieldEncoder } from './field-encoder.js'

/** Connection-specific fields (RFC 9113 section 8.2.2), and `Host`, which becomes `:authority`. */
const NAMES = new EncodedNames([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade'
])

/** Entries of the static table (RFC 7541 appendix A). */
const AUTHORITY_INDEX = 1
const METHOD_INDEX = 2
const GET_INDEX = 2
const POST_INDEX = 3
const PATH_INDEX = 4
const ROOT_INDEX = 4
const SCHEME_INDEX = 6
const HTTP_INDEX = 6
const HTTPS_INDEX = 7

/** The line of `Host` is its own; among the others it is left out. */
const AUTHORITY = new EncodedName(':authority', true)

const LINE_END = '\r\n'
/** ` HTTP/1.1` */
const VERSION_LENGTH = 9
const HOST = 'host:'

/** Scheme and authority of requests. */
export interface RequestOrigin {
  readonly scheme: 'http' | 'https'
  /** For requests without `Host`: some servers reject a request without `:authority`. */
  readonly authority: string
}

/** HPACK encoder of a client's connection. */
export class RequestEncoder extends FieldEncoder {
  readonly #origin: RequestOrigin

  constructor(origin: RequestOrigin) {
    super(NAMES)
    this.#origin = origin
  }

  /**
   * Encodes the head of a request (RFC 9113 section 8.3.1).
   * @param head request line, fields and the empty line, in latin1
   * @param neverIndexed names of fields, in lower case, that must not be indexed (RFC 7541 section 6.2.3)
   */
  encode(head: string, neverIndexed?: ReadonlySet<string>): Buffer {
    return this.encodeHead(0, head, neverIndexed)
  }

  protected override addHead(
    _statusCode: number,
    head: string,
    neverIndexed: ReadonlySet<string> | undefined
  ): void {
    const { scheme, authority } = this.#origin
    const methodEnd = head.indexOf(' ')
    const lineEnd = head.indexOf(LINE_END)
    const method = head.slice(0, methodEnd)
    const path = head.slice(methodEnd + 1, lineEnd - VERSION_LENGTH)
    this.#addPseudo(METHOD_INDEX, indexOfMethod(method), method, neverIndexed?.has(':method'))
    const schemeIndex = scheme === 'http' ? HTTP_INDEX : HTTPS_INDEX
    this.#addPseudo(SCHEME_INDEX, schemeIndex, scheme, neverIndexed?.has(':scheme'))
    this.#addPseudo(PATH_INDEX, path === '/' ? ROOT_INDEX : 0, path, neverIndexed?.has(':path'))
    this.#addAuthority(hostLineOf(head, lineEnd) || HOST + authority, neverIndexed)
    this.addLines(head, lineEnd + LINE_END.length, neverIndexed)
  }

  /** Adds a pseudo-field that the dynamic table does not learn: its values are in the static one, or seldom repeated. */
  #addPseudo(nameIndex: number, index: number, value: string, isNeverIndexed: boolean | undefined): void {
    if (index > 0 && !isNeverIndexed) this.addIndexed(index)
    else this.addLiteral(nameIndex, value, isNeverIndexed === true)
  }

  /** @param line that of `Host` */
  #addAuthority(line: string, neverIndexed: ReadonlySet<string> | undefined): void {
    if (neverIndexed?.has('host')) this.addLiteral(AUTHORITY_INDEX, line.slice(HOST.length).trim(), true)
    else this.addLineAs(line, AUTHORITY, neverIndexed)
  }
}

function indexOfMethod(method: string): number {
  if (method === 'GET') return GET_INDEX
  return method === 'POST' ? POST_INDEX : 0
}

/** The line of `Host`; empty if there is none, or nothing in it. */
function hostLineOf(head: string, lineEnd: number): string {
  const found = /\r\n(host: *[^\r ][^\r]*)/i.exec(head)
  return found && found.index >= lineEnd ? found[1]! : ''
}
