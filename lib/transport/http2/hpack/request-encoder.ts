import { FieldNames } from '../../../base/http/field-names.js'

/** Connection-specific fields (RFC 9113 section 8.2.2), and `Host`, which becomes `:authority`. */
const OMITTED = new FieldNames([
  'connection',
  'host',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade'
])

/** Indexed fields of the static table, and literals without indexing whose name is in it (RFC 7541 section 6). */
const METHOD_GET = 0x82
const METHOD_POST = 0x83
const PATH_ROOT = 0x84
const SCHEME_HTTP = 0x86
const SCHEME_HTTPS = 0x87
const LITERAL_AUTHORITY = 0x01
const LITERAL_METHOD = 0x02
const LITERAL_PATH = 0x04
const LITERAL = 0x00
/** Dynamic table size update to 0: nothing is indexed. */
const NO_TABLE = 0x20

const LINE_END = '\r\n'
/** ` HTTP/1.1` */
const VERSION_LENGTH = 9
const SPACE = 32
/** Upper bound of the overhead of a field. */
const FIELD_BYTES = 11

/** Scheme and authority of requests. */
export interface RequestOrigin {
  readonly scheme: 'http' | 'https'
  /** For requests without `Host`: some servers reject a request without `:authority`. */
  readonly authority: string
}

let memory = Buffer.allocUnsafeSlow(16_384)
let at = 0

/**
 * Encodes the head of a request (RFC 9113 section 8.3.1) into a buffer that the next call overwrites. Strings are not
 * Huffman-coded: they are short, and coding costs more than it saves.
 * @param head request line, fields and the empty line, in latin1
 */
export function encodeRequest(head: string, { scheme, authority }: RequestOrigin): Buffer {
  // The prefixes of a field are no longer than the rest of its line, and of long fields little longer.
  reserve(head.length * 2 + authority.length + 64)
  const methodEnd = head.indexOf(' ')
  const lineEnd = head.indexOf(LINE_END)
  const method = head.slice(0, methodEnd)
  const path = head.slice(methodEnd + 1, lineEnd - VERSION_LENGTH)
  memory[at++] = NO_TABLE
  if (method === 'GET') memory[at++] = METHOD_GET
  else if (method === 'POST') memory[at++] = METHOD_POST
  else addNamed(LITERAL_METHOD, method)
  memory[at++] = scheme === 'http' ? SCHEME_HTTP : SCHEME_HTTPS
  if (path === '/') memory[at++] = PATH_ROOT
  else addNamed(LITERAL_PATH, path)
  addNamed(LITERAL_AUTHORITY, hostOf(head, lineEnd) || authority)
  for (let from = lineEnd + 2, to: number; ; from = to + 2) {
    to = head.indexOf(LINE_END, from)
    if (to <= from) break
    const colon = head.indexOf(':', from)
    const length = colon - from
    if (OMITTED.mayHave(length, head.charCodeAt(from)) && OMITTED.has(head.slice(from, colon))) continue
    addField(
      head.slice(from, colon),
      head.slice(head.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1, to)
    )
  }
  return memory.subarray(0, at)
}

/** Encodes alternating names and values into a buffer that the next call overwrites. */
export function encodeFields(fields: readonly string[]): Buffer {
  reserve(fields.reduce((sum, text) => sum + text.length + FIELD_BYTES, 0))
  for (let i = 0; i < fields.length; i += 2) addField(fields[i]!, fields[i + 1]!)
  return memory.subarray(0, at)
}

function hostOf(head: string, lineEnd: number): string {
  const found = /\r\nhost: ([^\r]*)/i.exec(head)
  return found && found.index >= lineEnd ? found[1]! : ''
}

function reserve(bytes: number): void {
  if (memory.length < bytes) memory = Buffer.allocUnsafeSlow(bytes)
  at = 0
}

function addNamed(literal: number, value: string): void {
  memory[at++] = literal
  addString(value)
}

function addField(name: string, value: string): void {
  memory[at++] = LITERAL
  addString(name.toLowerCase())
  addString(value)
}

function addString(text: string): void {
  let rest = text.length - 127
  if (rest < 0) {
    memory[at++] = text.length
  } else {
    memory[at++] = 127
    for (; rest >= 128; rest = rest >> 7) memory[at++] = (rest & 127) | 128
    memory[at++] = rest
  }
  at += memory.write(text, at, 'latin1')
}
