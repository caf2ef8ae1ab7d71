import { EncodedName, EncodedNames } from './encoded-name.js'
import { FieldEncoder } from './field-encoder.js'
import { STATIC_TABLE } from './static-table.js'

/** Connection-specific fields, which HTTP/2 does not have (RFC 9113 section 8.2.2). */
const NAMES = new EncodedNames([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade'
])

const STATUS = new EncodedName(':status', false)
/** The indexes of those that the static table has, by their numbers. */
const STATUS_INDEXES: number[] = []
for (let i = 0; i < STATIC_TABLE.length; i += 2)
  if (STATIC_TABLE[i] === ':status') STATUS_INDEXES[Number(STATIC_TABLE[i + 1])] = i / 2 + 1

/** HPACK encoder of a server's connection. */
export class ResponseEncoder extends FieldEncoder {
  constructor() {
    super(NAMES)
  }

  /**
   * Encodes the head of a response (RFC 9113 section 8.3.2).
   * @param lines fields of HTTP/1.1, each a line with its CRLF, in latin1; those of a connection are left out
   * @param neverIndexed names of fields, in lower case, that must not be indexed (RFC 7541 section 6.2.3)
   */
  encode(statusCode: number, lines: string, neverIndexed?: ReadonlySet<string>): Buffer {
    return this.encodeHead(statusCode, lines, neverIndexed)
  }

  protected override addHead(
    statusCode: number,
    lines: string,
    neverIndexed: ReadonlySet<string> | undefined
  ): void {
    const index = STATUS_INDEXES[statusCode]
    if (index !== undefined && !neverIndexed?.has(STATUS.text)) this.addIndexed(index)
    else this.addLineAs(`:status:${statusCode}`, STATUS, neverIndexed)
    this.addLines(lines, 0, neverIndexed)
  }
}
