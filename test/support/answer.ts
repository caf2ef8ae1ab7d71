import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { Field, Message } from './wire.js'

export type Framing = 'length' | 'chunked' | 'close' | 'none'

/** A response of a backend: as bytes, and as a client has to get it. */
export interface Answer {
  readonly bytes: Buffer
  readonly startLine: string
  readonly fields: readonly Field[]
  readonly body: Buffer
  readonly trailers: readonly Field[]
  /** Its end is the end of the connection. */
  readonly closes: boolean
}

export interface AnswerOptions {
  /** Of letters and digits: it is all over the answer, so that bytes of another answer show. */
  readonly id: string
  readonly framing: Framing
  /** To a HEAD: nothing follows its own. */
  readonly head?: boolean
  readonly size?: number
  /** Sizes of the chunks, used in turn. */
  readonly chunks?: readonly number[]
  readonly fieldCount?: number
  readonly trailerCount?: number
  /** Interim responses before it. */
  readonly interims?: number
  readonly status?: string
}

export function makeAnswer(options: AnswerOptions): Answer {
  const { id, framing, size = 0, chunks = [1000], fieldCount = 2, trailerCount = 0, interims = 0 } = options
  const startLine = `HTTP/1.1 ${options.status ?? `200 ${id}`}`
  const body = pattern(id, options.head ? 0 : size)
  const framed: Field[] =
    framing === 'length'
      ? [['Content-Length', `${size}`]]
      : framing === 'chunked'
        ? [['Transfer-Encoding', 'chunked']]
        : framing === 'close'
          ? [['Connection', 'close']]
          : []
  const fields = named('X-Field', id, fieldCount)
  const trailers = framing === 'chunked' && !options.head ? named('X-Trailer', id, trailerCount) : []
  const interim = `HTTP/1.1 103 Early\r\nX-Interim: ${id}\r\nLink: </${id}>\r\n\r\n`.repeat(interims)
  const half = fieldCount >> 1
  const head = [startLine, ...lines([...fields.slice(0, half), ...framed, ...fields.slice(half)]), '', '']
  const parts: Buffer[] = [Buffer.from(interim + head.join('\r\n'), 'latin1')]
  if (framing === 'chunked' && !options.head) parts.push(inChunks(body, chunks, trailers))
  else parts.push(body)
  return {
    bytes: Buffer.concat(parts),
    startLine,
    fields: framing === 'length' ? [...fields.slice(0, half), ...framed, ...fields.slice(half)] : fields,
    body,
    trailers,
    closes: framing === 'close'
  }
}

/** `size` bytes that tell of `id` and of their place. */
export function pattern(id: string, size: number): Buffer {
  const bytes = Buffer.alloc(size, `<${id}>`, 'latin1')
  for (let at = 0; at + 8 <= size; at += 512) bytes.write(at.toString(36).padStart(8, '.'), at, 'latin1')
  return bytes
}

function named(name: string, id: string, count: number): Field[] {
  return Array.from({ length: count }, (_, i) => [`${name}-${i}-${id}`, `${id} is ${i}: ${id.repeat(3)}`])
}

function lines(fields: readonly Field[]): string[] {
  return fields.map(([name, value]) => `${name}: ${value}`)
}

function inChunks(body: Buffer, sizes: readonly number[], trailers: readonly Field[]): Buffer {
  const parts: Buffer[] = []
  for (let at = 0, i = 0; at < body.length; i++) {
    const chunk = body.subarray(at, at + sizes[i % sizes.length]!)
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
    at += chunk.length
  }
  parts.push(Buffer.from(['0', ...lines(trailers), '', ''].join('\r\n'), 'latin1'))
  return Buffer.concat(parts)
}

const isAdded = ([name]: Field) => /^(connection|keep-alive|date|transfer-encoding)$/i.test(name)

/** Sends the answer cut at these places, with a pause after each part but the last. */
export async function sendInParts(
  socket: Socket,
  { bytes, closes }: Answer,
  cuts: readonly number[],
  pause: () => Promise<void>
): Promise<void> {
  let from = 0
  for (const to of cuts) {
    socket.write(bytes.subarray(from, to))
    from = to
    await pause()
  }
  if (closes) socket.end(bytes.subarray(from))
  else socket.write(bytes.subarray(from))
}

/**
 * What a client got is the answer, byte for byte: one assertion if it is, as there are many.
 */
export function checkAnswer(t: Test, wanted: Answer, got: Message, name: string): void {
  const fields = got.fields.filter((field) => !isAdded(field))
  const isRight =
    wanted.startLine === got.startLine &&
    JSON.stringify([fields, got.trailers]) === JSON.stringify([wanted.fields, wanted.trailers]) &&
    got.body.equals(wanted.body)
  if (isRight) {
    t.pass(name)
    return
  }
  t.equal(got.startLine, wanted.startLine, name)
  t.same(fields, wanted.fields, name)
  t.same(got.trailers, wanted.trailers, name)
  t.equal(differences(wanted.body, got.body), '', name)
}

function differences(wanted: Buffer, got: Buffer): string {
  if (got.equals(wanted)) return ''
  let at = 0
  while (at < wanted.length && wanted[at] === got[at]) at++
  const near = (bytes: Buffer) => JSON.stringify(bytes.toString('latin1', at, at + 40))
  return `${got.length} instead of ${wanted.length} bytes, at ${at} ${near(got)} instead of ${near(wanted)}`
}
