import { FieldNames } from '../../../base/http/field-names.js'

/** Of the connection, or told in another way. */
const LEFT_OUT = new FieldNames([
  'connection',
  'host',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade'
])

/** Fields with an index in the static table, and names with one, as a literal that no table takes. */
const METHOD_GET = 0x82
const METHOD_POST = 0x83
const PATH_ROOT = 0x84
const SCHEME_HTTP = 0x86
const SCHEME_HTTPS = 0x87
const LITERAL_AUTHORITY = 0x01
const LITERAL_METHOD = 0x02
const LITERAL_PATH = 0x04
const LITERAL = 0x00
/** The table of the other side is to hold nothing, as it would cost memory there and time here. */
const NO_TABLE = 0x20

const LINE_END = '\r\n'
/** ` HTTP/1.1` */
const VERSION_LENGTH = 9
const SPACE = 32
/** More than a field takes beside its bytes. */
const FIELD_BYTES = 11

/** Whom requests are for. */
export interface RequestOrigin {
  readonly scheme: 'http' | 'https'
  /** Of those that name no host. Without any they would not be taken by all servers. */
  readonly authority: string
}

let memory = Buffer.allocUnsafeSlow(16_384)
let at = 0

/**
 * Encodes the head of a request (RFC 9113 section 8.3.1) into memory that the next call uses again. Strings go as they
 * are: they are short, and what compresses them costs more than what carries them.
 * @param head request line and fields up to and with the blank line, a character a byte
 */
export function encodeRequest(head: string, { scheme, authority }: RequestOrigin): Buffer {
  // The lengths of a field take no more than its line has beside its bytes, and those of long ones little more.
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
    if (LEFT_OUT.mayHave(length, head.charCodeAt(from)) && LEFT_OUT.has(head.slice(from, colon))) continue
    addField(
      head.slice(from, colon),
      head.slice(head.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1, to)
    )
  }
  return memory.subarray(0, at)
}

/** Encodes names and values in turn into memory that the next call uses again. */
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
