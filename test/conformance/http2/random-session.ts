import type { FrameClient } from '../../support/frame-client.js'
import {
  data,
  type Fields,
  Flag,
  frame,
  get,
  integer,
  literal,
  request,
  Setting,
  settings,
  Type,
  uint32,
  window
} from '../../support/http2-frames.js'
import type { Mutator } from '../mutations.js'
import { ServerRules } from './server-rules.js'

const TABLE_BYTES = 4096
const ENTRY_BYTES = 32
const FIRST_ENTRY = 62
const DEFAULT_WINDOW = 65_535
/** For padding. */
const MARGIN = 256

/** Encodes fields in all ways that RFC 7541 has, without Huffman codes. */
class RandomEncoder {
  readonly #mutator: Mutator
  /** The latest first. */
  #entries: (readonly [string, string])[] = []
  #maxBytes = TABLE_BYTES

  constructor(mutator: Mutator) {
    this.#mutator = mutator
  }

  encode(fields: Fields): Buffer {
    const parts: Buffer[] = []
    if (this.#mutator.below(8) === 0) parts.push(this.#resize(0))
    if (parts.length > 0 || this.#mutator.below(8) === 0)
      parts.push(this.#resize(this.#mutator.below(TABLE_BYTES + 1)))
    for (const [name, value] of fields) parts.push(this.#field(name, value))
    return Buffer.concat(parts)
  }

  #field(name: string, value: string): Buffer {
    const known = this.#entries.findIndex(([n, v]) => n === name && v === value)
    if (known !== -1 && this.#mutator.below(8) > 0) return integer(FIRST_ENTRY + known, 7, 0x80)
    const [first, prefixBits] = this.#mutator.pick([
      [0x40, 6],
      [0x40, 6],
      [0x00, 4],
      [0x10, 4]
    ] as const)
    const named = this.#entries.findIndex(([n]) => n === name)
    const head =
      named !== -1 && this.#mutator.below(2) === 0
        ? integer(FIRST_ENTRY + named, prefixBits, first)
        : Buffer.concat([Buffer.from([first]), literal(name)])
    if (first === 0x40) {
      this.#entries.unshift([name, value])
      this.#evict()
    }
    return Buffer.concat([head, literal(value)])
  }

  #resize(bytes: number): Buffer {
    this.#maxBytes = bytes
    this.#evict()
    return integer(bytes, 5, 0x20)
  }

  #evict(): void {
    let left = this.#maxBytes
    this.#entries = this.#entries.filter(([name, value]) => {
      left -= name.length + value.length + ENTRY_BYTES
      if (left < 0) left = Number.NEGATIVE_INFINITY
      return left >= 0
    })
  }
}

interface Asked {
  readonly id: number
  /** Bytes of the response. */
  readonly gets: number
  /** Bytes of the request that are still to be sent. */
  toSend: number
  isOpen: boolean
  sent: number
  isReset: boolean
}

/** A client that does at random what RFC 9113 allows, and knows what it must get for it. */
export class RandomSession {
  readonly rules = new ServerRules()
  readonly asked: Asked[] = []
  readonly #mutator: Mutator
  readonly #encoder: RandomEncoder
  #nextId = 1
  /** What the server lets it send. */
  #connectionWindow = DEFAULT_WINDOW
  #initialWindow = DEFAULT_WINDOW
  readonly #granted = new Map<number, number>()

  constructor(mutator: Mutator) {
    this.#mutator = mutator
    this.#encoder = new RandomEncoder(mutator)
  }

  /** Takes part in a session that has just begun. */
  attach(session: FrameClient): void {
    session.onFrame = (frame) => {
      this.rules.check(frame)
      const { type, flags, id, payload } = frame
      if (type === Type.window && id === 0) this.#connectionWindow += payload.readUInt32BE(0)
      else if (type === Type.window)
        this.#granted.set(id, (this.#granted.get(id) ?? 0) + payload.readUInt32BE(0))
      else if (type === Type.settings && (flags & Flag.ack) === 0)
        for (let at = 0; at < payload.length; at += 6)
          if (payload.readUInt16BE(at) === Setting.window) this.#initialWindow = payload.readUInt32BE(at + 2)
    }
  }

  /** What it does next. */
  step(): Buffer {
    const mutator = this.#mutator
    switch (mutator.below(10)) {
      case 0:
      case 1:
      case 2:
        return this.#ask()
      case 3:
      case 4:
      case 5:
        return this.#sendSome()
      case 6: {
        const pairs = mutator.pick([
          [[Setting.window, mutator.below(100_000)]],
          [[Setting.maxFrame, 16_384 + mutator.below(20_000)]],
          [[Setting.tableSize, mutator.below(2) * TABLE_BYTES]],
          [[0xf0, 1]],
          []
        ] as (readonly [number, number])[][])
        return this.settings(...pairs)
      }
      case 7: {
        const payload = `${mutator.below(90_000_000) + 10_000_000}`
        this.rules.ping(payload)
        return frame(Type.ping, 0, 0, payload)
      }
      case 8:
        return this.#grantSome()
      default:
        return this.#oddity()
    }
  }

  settings(...pairs: readonly (readonly [number, number])[]): Buffer {
    this.rules.settings(pairs)
    return settings(...pairs)
  }

  grant(id: number, bytes: number): Buffer {
    this.rules.grant(id, bytes)
    return window(id, bytes)
  }

  /** What is left of the requests, as far as the windows allow. */
  *rest(): Generator<Buffer> {
    for (const asked of this.asked) {
      const bytes = Math.min(asked.toSend, this.#roomOf(asked) - MARGIN)
      if (asked.isOpen && (bytes > 0 || asked.toSend === 0)) yield this.#send(asked, bytes)
    }
  }

  #ask(): Buffer {
    const mutator = this.#mutator
    const id = this.#nextId
    this.#nextId += 2 * (1 + mutator.below(3))
    this.rules.open(id)
    const bytes = mutator.below(4) === 0 ? mutator.below(150_000) : mutator.below(2000)
    const more: Fields = [
      ['x-a', `${mutator.below(3)}`],
      ['cookie', `c=${'d'.repeat(mutator.below(300))}`],
      ['priority', mutator.pick(['u=0', 'u=7, i', 'i', 'u=3'])]
    ]
    const takes = mutator.below(3) === 0
    const path = takes ? '/echo' : mutator.pick([`/body/${bytes}`, `/chunks/${bytes}`, `/trailers/${bytes}`])
    this.asked.push({
      id,
      gets: bytes,
      toSend: takes ? bytes : 0,
      isOpen: takes,
      sent: 0,
      isReset: false
    })
    const fields = takes ? request('POST', path, ...more) : get(path, ...more)
    return this.#head(id, this.#encoder.encode(fields), !takes)
  }

  /** In one or more frames, cut anywhere. */
  #head(id: number, block: Buffer, isEnd: boolean): Buffer {
    const mutator = this.#mutator
    const cuts = Array.from({ length: mutator.below(3) === 0 ? mutator.below(5) : 0 }, () =>
      mutator.below(block.length + 1)
    ).sort((a, b) => a - b)
    const parts = [0, ...cuts].map((from, i) => block.subarray(from, cuts[i]))
    return Buffer.concat(
      parts.map((part, i) => {
        const endHeaders = i === parts.length - 1 ? Flag.endHeaders : 0
        if (i > 0) return frame(Type.continuation, endHeaders, id, part)
        const flags = endHeaders | (isEnd ? Flag.endStream : 0)
        const priority = mutator.below(4) === 0 ? Buffer.concat([uint32(0), Buffer.from([15])]) : undefined
        const padding = mutator.below(4) === 0 ? mutator.below(200) : -1
        const payload = [
          ...(padding >= 0 ? [Buffer.from([padding])] : []),
          ...(priority ? [priority] : []),
          part,
          ...(padding >= 0 ? [Buffer.alloc(padding)] : [])
        ]
        const more = (padding >= 0 ? Flag.padded : 0) | (priority ? Flag.priority : 0)
        return frame(Type.headers, flags | more, id, Buffer.concat(payload))
      })
    )
  }

  #roomOf({ id, sent }: Asked): number {
    return Math.min(this.#connectionWindow, this.#initialWindow + (this.#granted.get(id) ?? 0) - sent)
  }

  #sendSome(): Buffer {
    const open = this.asked.filter((asked) => asked.isOpen)
    if (open.length === 0) return this.#ask()
    const asked = this.#mutator.pick(open)
    return this.#send(
      asked,
      Math.min(asked.toSend, this.#mutator.below(20_000), this.#roomOf(asked) - MARGIN)
    )
  }

  #send(asked: Asked, bytes: number): Buffer {
    const mutator = this.#mutator
    const frames: Buffer[] = []
    let left = Math.max(0, bytes)
    asked.toSend -= left
    do {
      const length = Math.min(left, 16_384 - MARGIN)
      left -= length
      const isEnd = asked.toSend === 0 && left === 0
      const hasTrailers = isEnd && mutator.below(3) === 0
      const flags = isEnd && !hasTrailers ? Flag.endStream : 0
      const isPadded = this.#roomOf(asked) > length + left + MARGIN && mutator.below(4) === 0
      const padding = isPadded ? mutator.below(255) : 0
      const payload = Buffer.alloc(length, 'a')
      const part = isPadded
        ? frame(
            Type.data,
            flags | Flag.padded,
            asked.id,
            Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding)])
          )
        : data(asked.id, payload, flags !== 0)
      frames.push(part)
      asked.sent += part.length - 9
      this.#connectionWindow -= part.length - 9
      if (isEnd) asked.isOpen = false
      if (hasTrailers) frames.push(this.#head(asked.id, this.#encoder.encode([['x-sum', '7']]), true))
    } while (left > 0)
    return Buffer.concat(frames)
  }

  #grantSome(): Buffer {
    const bytes = 1 + this.#mutator.below(50_000)
    const some = this.asked.length > 0 && this.#mutator.below(2) === 0 ? this.#mutator.pick(this.asked).id : 0
    return this.grant(some, bytes)
  }

  #oddity(): Buffer {
    const mutator = this.#mutator
    const id = mutator.below(30) * 2 + 1
    const known = this.asked.length > 0 ? mutator.pick(this.asked) : undefined
    switch (mutator.below(4)) {
      case 0:
        return frame(Type.priority, 0, id, Buffer.concat([uint32(0), Buffer.from([mutator.below(256)])]))
      case 1:
        return frame(
          Type.priorityUpdate,
          0,
          0,
          Buffer.concat([uint32(id), Buffer.from(mutator.pick(['u=0', 'u=5, i', '', '?!']))])
        )
      case 2:
        if (!known || known.isReset) return frame(0xbb, mutator.below(256), id, 'odd')
        known.isReset = true
        known.isOpen = false
        return frame(Type.reset, 0, known.id, uint32(8))
      default:
        return frame(0xaa, mutator.below(256), mutator.below(2) * id, Buffer.alloc(mutator.below(50)))
    }
  }
}
