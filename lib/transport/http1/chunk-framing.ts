import { BrokenResponse } from './broken-response.js'

/** What follows a byte of the framing. */
export const Next = { framing: 0, data: 1, trailers: 2 } as const

const At = {
  size: 0,
  /** Whitespace after a size: some servers pad it. */
  beforeExtension: 1,
  extension: 2,
  sizeLF: 3,
  dataCR: 4,
  dataLF: 5
} as const

const CR = 13
const LF = 10
const SEMICOLON = 59
const DELETE = 127
/** Enough for 2^52 bytes. */
const MAX_SIZE_DIGITS = 13
const MAX_EXTENSION_BYTES = 4096

/** Parses the framing of chunks, byte by byte (RFC 9112 section 7.1). Chunk extensions are dropped. */
export class ChunkFraming {
  /** Of the latest chunk, in bytes. */
  size = 0
  #at: number = At.size
  /** Digits of the size, or bytes of the extension, so far. */
  #count = 0

  /** Expects the size of the first chunk. */
  begin(): void {
    this.#at = At.size
    this.size = this.#count = 0
  }

  /** The data of the chunk is complete. */
  endData(): void {
    this.#at = At.dataCR
  }

  /**
   * Parses one byte. Returns what follows it, one of `Next`.
   * @throws {BrokenResponse} if the byte is invalid, or the size or extension is too long
   */
  parse(byte: number): number {
    switch (this.#at) {
      case At.size:
        this.#parseSize(byte)
        return Next.framing
      case At.beforeExtension:
        if (byte === CR) this.#at = At.sizeLF
        else if (byte === SEMICOLON) this.#at = At.extension
        else this.#countExtension(isBlank(byte))
        return Next.framing
      case At.extension:
        if (byte === CR) this.#at = At.sizeLF
        else this.#countExtension((byte >= 32 && byte !== DELETE) || isBlank(byte))
        return Next.framing
      case At.sizeLF:
        expect(byte, LF)
        return this.size > 0 ? Next.data : Next.trailers
      case At.dataCR:
        expect(byte, CR)
        this.#at = At.dataLF
        return Next.framing
      default:
        expect(byte, LF)
        this.begin()
        return Next.framing
    }
  }

  #parseSize(byte: number): void {
    const digit = hexDigit(byte)
    if (digit >= 0 && this.#count < MAX_SIZE_DIGITS) {
      this.size = this.size * 16 + digit
      this.#count++
      return
    }
    if (this.#count === 0 || digit >= 0) throw new BrokenResponse('chunk')
    this.#count = 0
    if (byte === CR) this.#at = At.sizeLF
    else if (byte === SEMICOLON) this.#at = At.extension
    else if (isBlank(byte)) this.#at = At.beforeExtension
    else throw new BrokenResponse('chunk')
  }

  #countExtension(isAllowed: boolean): void {
    if (!isAllowed || ++this.#count > MAX_EXTENSION_BYTES) throw new BrokenResponse('chunk')
  }
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw new BrokenResponse('chunk')
}

const isBlank = (byte: number) => byte === 32 || byte === 9

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
