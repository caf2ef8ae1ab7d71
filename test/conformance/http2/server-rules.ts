import { FieldDecoder } from '../../../lib/base/http2/hpack/field-decoder.js'
import { Flag, type Frame, Setting, Type } from '../../support/http2-frames.js'

const DEFAULT_WINDOW = 65_535
const DEFAULT_FRAME = 16_384
const AMPLE_BYTES = 1_000_000
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/
const OF_CONNECTION = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']

/** A setting of the client: the one that the server has confirmed, and those that are on their way. */
class Bound {
  readonly #values: number[]

  constructor(value: number) {
    this.#values = [value]
  }

  /** What the server may go by at most. */
  get most(): number {
    return Math.max(...this.#values)
  }

  send(value: number | undefined): void {
    this.#values.push(value ?? this.#values.at(-1)!)
  }

  confirm(): void {
    this.#values.shift()
  }
}

/** What a server has sent on a stream. */
interface StreamOf {
  sent: number
  granted: number
  status: number
  isEnded: boolean
  isReset: boolean
}

/** Checks what a server sends, by what a client has sent that keeps to RFC 9113. */
export class ServerRules {
  readonly faults: string[] = []
  readonly #streams = new Map<number, StreamOf>()
  readonly #window = new Bound(DEFAULT_WINDOW)
  readonly #frame = new Bound(DEFAULT_FRAME)
  readonly #decoder = new FieldDecoder()
  readonly #pings: string[] = []
  #unconfirmed = 0
  #granted = DEFAULT_WINDOW
  #sent = 0
  #block: Buffer[] | undefined
  #blockOf: Frame | undefined
  #isFirst = true

  /** The client opens a stream. */
  open(id: number): void {
    this.#streams.set(id, { sent: 0, granted: 0, status: 0, isEnded: false, isReset: false })
  }

  grant(id: number, bytes: number): void {
    if (id === 0) this.#granted += bytes
    else this.#streams.get(id)!.granted += bytes
  }

  settings(pairs: readonly (readonly [number, number])[]): void {
    this.#unconfirmed++
    this.#window.send(pairs.findLast(([setting]) => setting === Setting.window)?.[1])
    this.#frame.send(pairs.findLast(([setting]) => setting === Setting.maxFrame)?.[1])
  }

  ping(payload: string): void {
    this.#pings.push(payload)
  }

  /** The server has sent this. */
  check(frame: Frame): void {
    const { type, flags, id, payload } = frame
    const expect = (holds: boolean, what: string) => {
      if (!holds)
        this.faults.push(`${what}: type ${type}, flags ${flags}, stream ${id}, ${payload.length} bytes`)
    }
    if (this.#isFirst) expect(type === Type.settings && flags === 0, 'settings are not the first')
    this.#isFirst = false
    expect(payload.length <= this.#frame.most, 'too long')
    expect((this.#block !== undefined) === (type === Type.continuation), 'a block that is interrupted')
    switch (type) {
      case Type.settings:
        if ((flags & Flag.ack) === 0) return
        expect(this.#unconfirmed-- > 0, 'confirmed too often')
        this.#window.confirm()
        this.#frame.confirm()
        return
      case Type.ping:
        if ((flags & Flag.ack) !== 0)
          expect(this.#pings.shift() === payload.toString('latin1'), 'an answer to no PING')
        return
      case Type.goaway:
        expect(payload.readUInt32BE(4) === 0, `GOAWAY ${payload.readUInt32BE(4)}`)
        return
      case Type.window:
        expect(payload.readUInt32BE(0) > 0, 'no increment')
        if (id > 0) expect(this.#streams.get(id)?.isReset === false, 'a stream that is closed')
        return
    }
    const stream = this.#streams.get(id)
    if (!stream) {
      expect(false, 'a stream that nobody has opened')
      return
    }
    expect(!stream.isReset, 'behind RST_STREAM')
    if (type === Type.reset) {
      stream.isReset = true
      return
    }
    if (type === Type.continuation) {
      expect(id === this.#blockOf!.id, 'of another stream')
      this.#addToBlock(frame, expect)
      return
    }
    expect(!stream.isEnded, 'behind END_STREAM')
    stream.isEnded = (flags & Flag.endStream) !== 0
    if (type === Type.headers) {
      this.#block = []
      this.#blockOf = frame
      this.#addToBlock(frame, expect)
      return
    }
    expect(type === Type.data, 'of a type that no server sends')
    expect(stream.status >= 200, 'DATA ahead of a head')
    stream.sent += payload.length
    this.#sent += payload.length
    if (payload.length === 0) return
    expect(stream.sent <= stream.granted + this.#window.most, 'beyond the window of the stream')
    expect(this.#sent <= this.#granted, 'beyond the window of the connection')
  }

  #addToBlock({ flags, payload }: Frame, expect: (holds: boolean, what: string) => void): void {
    this.#block!.push(payload)
    if ((flags & Flag.endHeaders) === 0) return
    const { fields } = this.#decoder.decode(Buffer.concat(this.#block!), AMPLE_BYTES)
    const { id, flags: first } = this.#blockOf!
    this.#block = undefined
    const names = fields.filter((_, i) => i % 2 === 0)
    expect(
      names.every((name) => NAME.test(name) && !OF_CONNECTION.includes(name)),
      `fields ${names}`
    )
    const stream = this.#streams.get(id)!
    const isEnd = (first & Flag.endStream) !== 0
    if (stream.status >= 200) {
      expect(isEnd && !names.some((name) => name.startsWith(':')), 'trailers that are none')
      return
    }
    expect(names[0] === ':status' && names.lastIndexOf(':status') === 0, 'a head without a status')
    stream.status = Number(fields[1])
    expect(stream.status >= 200 || !isEnd, 'an interim response that ends')
  }
}
