export type Field = readonly [name: string, value: string]

/** An HTTP/1 message as it was on the wire, read without any of the tolerance of a real parser. */
export interface Message {
  readonly startLine: string
  /** In order and case, text as latin1. */
  readonly fields: readonly Field[]
  readonly framing: 'none' | 'length' | 'chunked' | 'close'
  readonly body: Buffer
  readonly trailers: readonly Field[]
  /** How many bytes of the connection it took. */
  readonly size: number
}

export interface ReadContext {
  readonly kind: 'request' | 'response'
  /** The response is to a HEAD: whatever its fields say, no body follows. */
  readonly head?: boolean
  /** Nothing comes after these bytes, which ends a body without a declared end. */
  readonly ended?: boolean
}

const END_OF_HEAD = '\r\n\r\n'

/** The first message of `bytes`, or undefined while it is not whole. Throws if it can never be one. */
export function readMessage(bytes: Buffer, context: ReadContext): Message | undefined {
  const headEnd = bytes.indexOf(END_OF_HEAD)
  if (headEnd < 0) return undefined
  const [startLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const fields = lines.map(readField)
  const bodyStart = headEnd + END_OF_HEAD.length
  const head = { startLine, fields, trailers: [] }
  const status = context.kind === 'response' ? Number(startLine.split(' ')[1]) : 0
  const bodiless = context.head || status === 204 || status === 304 || (status >= 100 && status < 200)
  if (bodiless) return { ...head, framing: 'none', body: Buffer.alloc(0), size: bodyStart }

  if (fieldValue(fields, 'transfer-encoding')?.toLowerCase() === 'chunked') {
    const chunks = readChunks(bytes, bodyStart)
    return chunks && { ...head, framing: 'chunked', ...chunks }
  }
  const length = fieldValue(fields, 'content-length')
  if (length !== undefined) {
    const size = bodyStart + Number(length)
    if (bytes.length < size) return undefined
    return { ...head, framing: 'length', body: bytes.subarray(bodyStart, size), size }
  }
  if (context.kind === 'request') return { ...head, framing: 'none', body: Buffer.alloc(0), size: bodyStart }
  if (!context.ended) return undefined
  return { ...head, framing: 'close', body: bytes.subarray(bodyStart), size: bytes.length }
}

/** The one value of a field, or undefined; throws if it is there twice. */
export function fieldValue(fields: readonly Field[], name: string): string | undefined {
  const values = fieldValues(fields, name)
  if (values.length > 1) throw new Error(`${name} is there ${values.length} times`)
  return values[0]
}

/** The values of a field, in order. */
export function fieldValues(fields: readonly Field[], name: string): string[] {
  return fields.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

export function statusOf(message: Message): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(message.startLine)?.[1])
}

function readField(line: string): Field {
  const [, name, value] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/s.exec(line) ?? []
  if (name === undefined || value === undefined) throw new Error(`not a field: ${JSON.stringify(line)}`)
  return [name, value]
}

function readChunks(bytes: Buffer, start: number) {
  const parts: Buffer[] = []
  let at = start
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const line = bytes.toString('latin1', at, lineEnd)
    if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`not a chunk: ${JSON.stringify(line)}`)
    const length = Number.parseInt(line, 16)
    at = lineEnd + 2
    if (length === 0) break
    if (bytes.length < at + length + 2) return undefined
    if (bytes.toString('latin1', at + length, at + length + 2) !== '\r\n')
      throw new Error('chunk without its end')
    parts.push(bytes.subarray(at, at + length))
    at += length + 2
  }
  const trailers: Field[] = []
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const line = bytes.toString('latin1', at, lineEnd)
    at = lineEnd + 2
    if (line === '') return { body: Buffer.concat(parts), trailers, size: at }
    trailers.push(readField(line))
  }
}
