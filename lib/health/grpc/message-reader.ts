import { BrokenResponse } from '../../transport/http1/broken-response.js'

/** The prefix of a message: whether it is compressed, and its length (gRPC's PROTOCOL-HTTP2.md, Length-Prefixed-Message). */
const PREFIX_BYTES = 5

/** The bytes are no gRPC message that can be read. */
export class BrokenMessage extends BrokenResponse {}

/** A message as a body carries it: uncompressed, after its length. */
export function frameMessage(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(PREFIX_BYTES + message.length)
  bytes.writeUInt32BE(message.length, 1)
  bytes.set(message, PREFIX_BYTES)
  return bytes
}

/** Reads the messages of a body that arrives in chunks. What it keeps of a chunk is a copy. */
export class MessageReader {
  readonly #maxBytes: number
  readonly #onMessage: (message: Buffer) => void
  #partial: Buffer = Buffer.alloc(0)

  /** @param maxBytes of a message */
  constructor(maxBytes: number, onMessage: (message: Buffer) => void) {
    this.#maxBytes = maxBytes
    this.#onMessage = onMessage
  }

  /** @throws {BrokenMessage} if a message is compressed, which was not offered, or too large */
  push(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#partial, chunk])
    while (bytes.length >= PREFIX_BYTES) {
      const length = bytes.readUInt32BE(1)
      if (bytes[0] !== 0) throw new BrokenMessage('compressed message')
      if (length > this.#maxBytes) throw new BrokenMessage('message too large')
      const end = PREFIX_BYTES + length
      if (bytes.length < end) break
      this.#onMessage(bytes.subarray(PREFIX_BYTES, end))
      bytes = bytes.subarray(end)
    }
    this.#partial = bytes
  }
}
