import { BrokenResponse } from '../../lib/transport/http1/broken-response.js'
import type { ResponseHead } from '../../lib/transport/http1/response-head.js'
import {
  type RequestInfo,
  ResponseParser,
  type ResponseSink
} from '../../lib/transport/http1/response-parser.js'

/** A part of a response and its text: of a head what goes on, of the end the trailers. */
export type Told = readonly ['interim' | 'head' | 'data' | 'end', ...string[]]

/** Notes what it is told of a response, data that follows data as one. */
export class Recorder implements ResponseSink {
  readonly told: Told[] = []
  /** How often it was told something. */
  calls = 0
  /** Bytes of data. */
  bytes = 0
  onCall: (() => unknown) | undefined

  onInterim({ text }: ResponseHead): void {
    this.#note(['interim', text])
  }

  onHead({ text }: ResponseHead): void {
    this.#note(['head', text])
  }

  onData(chunk: Buffer): void {
    this.bytes += chunk.length
    const data = chunk.toString('latin1')
    const last = this.told.at(-1)
    if (last?.[0] === 'data') this.told.pop()
    this.#note(['data', last?.[0] === 'data' ? last[1]! + data : data])
  }

  onEnd(trailers: readonly string[]): void {
    this.#note(['end', ...trailers])
  }

  #note(told: Told): void {
    this.told.push(told)
    this.calls++
    this.onCall?.()
  }
}

/** All that came of the bytes of a response. */
export interface Parsed {
  readonly told: readonly Told[]
  /** Bytes that it took. */
  readonly taken: number
  /** Whether it is whole. */
  readonly ended: boolean
  readonly persistent: boolean
  readonly broken: boolean
}

export interface ParseOptions {
  /** The connection ends behind the bytes. */
  readonly closes?: boolean | undefined
  readonly maxHeadBytes?: number
}

export const MAX_HEAD_BYTES = 16_384

/** Has a response parsed that comes in these parts. Each part's memory is used for something else at once. */
export function parse(asked: RequestInfo, parts: readonly Buffer[], options: ParseOptions = {}): Parsed {
  const parser = new ResponseParser(options.maxHeadBytes ?? MAX_HEAD_BYTES)
  const recorder = new Recorder()
  parser.begin(asked, recorder)
  let taken = 0
  let broken = false
  try {
    for (const part of parts) {
      const bytes = Buffer.from(part)
      taken += parser.parse(bytes)
      bytes.fill('?')
      if (parser.isIdle) break
    }
    if (options.closes) parser.finish()
  } catch (error) {
    if (!(error instanceof BrokenResponse)) throw error
    broken = true
  }
  const { told } = recorder
  return { told, taken, ended: parser.isIdle, persistent: parser.persistent, broken }
}

/** The parts between these places, in order. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i]))
}

/** Every way to cut bytes in two, with the whole, and byte by byte. */
export function allCuts(bytes: Buffer): Buffer[][] {
  const places = Array.from({ length: bytes.length }, (_, i) => i)
  return [...places.map((place) => cut(bytes, [place])), cut(bytes, places.slice(1))]
}
