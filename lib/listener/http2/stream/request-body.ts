import { areTrailers } from '../../../base/http2/field-syntax.js'
import { GatheredBytes } from '../../../base/sockets/gathered-bytes.js'
import type { BodyReader } from './body-reader.js'

/** What is told of the body of a request. */
export interface ReceivedBody {
  /** The client has ended its side of the stream. */
  onBodyEnded(): void
  /** What has come is malformed. */
  onBodyError(): void
  /** So many bytes can be acknowledged by a WINDOW_UPDATE. */
  onConsumed(bytes: number): void
  /** So many bytes more, or less, are not taken by the reader. */
  onHeld(change: number): void
}

const NO_TRAILERS: readonly string[] = Object.freeze([])

/** The body of a request on its way from the client: its window, its declared length, and who reads it. */
export class RequestBody {
  /** Whether the client has ended its side of the stream. */
  isEnded: boolean
  readonly #owner: ReceivedBody
  readonly #windowBytes: number
  /** Bytes that the client may still send. */
  #window: number
  /** Bytes that have come and are not acknowledged. */
  #unacknowledged = 0
  /** Those of them that the reader does not take for now. */
  #heldBytes = 0
  /** Bytes still to come; negative without a declared length. */
  #remaining: number
  #reader: BodyReader | undefined
  /** What has come while no reader wanted it, in one piece, as frames of a byte each would take a hundred times their size. */
  #early: GatheredBytes | undefined
  /** Behind it. */
  #trailers = NO_TRAILERS
  #isStopped = false
  /** Whether the reader wants more. */
  #isWanted = true
  #timeoutMs = 0
  #movedMs = 0

  /**
   * @param windowBytes receive window
   * @param contentLength negative if none was declared
   */
  constructor(owner: ReceivedBody, windowBytes: number, isEnded: boolean, contentLength: number) {
    this.#owner = owner
    this.#window = this.#windowBytes = windowBytes
    this.isEnded = isEnded
    this.#remaining = contentLength
  }

  get reader(): BodyReader | undefined {
    return this.#reader
  }

  set reader(reader: BodyReader | undefined) {
    this.#reader = reader
    if (!reader) return
    this.#isWanted = true
    if (this.isEnded && !this.#early) reader.onBodyEnd(this.#trailers)
    else this.resume()
  }

  /**
   * A DATA frame begins: all of it counts for flow control, before its data is passed on.
   * @returns whether the window allows it
   */
  onFrame(bytes: number): boolean {
    this.#window -= bytes
    this.#unacknowledged += bytes
    if (!this.#isWanted || !this.#reader) this.#hold(bytes)
    return this.#window >= 0
  }

  /** A part of its data has come. */
  onData(part: Buffer): void {
    if (this.#isStopped) return
    if (this.#remaining >= 0) {
      this.#remaining -= part.length
      if (this.#remaining < 0) {
        this.#owner.onBodyError()
        return
      }
    }
    this.#movedMs = performance.now()
    if (this.#reader && this.#isWanted) {
      this.#isWanted = this.#reader.onBody(part)
      return
    }
    this.#early ??= new GatheredBytes()
    this.#early.add(part)
  }

  /** A frame without END_STREAM is complete. */
  onFrameEnd(): void {
    if (this.#isWanted && this.#reader) this.#acknowledge()
  }

  /** The stream ends, with trailers or without. */
  onEnd(trailers: readonly string[]): void {
    if (this.#isStopped) return
    if (this.#remaining > 0 || !areTrailers(trailers)) {
      this.#owner.onBodyError()
      return
    }
    this.isEnded = true
    this.#trailers = trailers
    if (!this.#early) this.#reader?.onBodyEnd(trailers)
    this.#owner.onBodyEnded()
  }

  resume(): void {
    this.#isWanted = true
    this.#movedMs = performance.now()
    if (this.#early && this.#reader) this.#passEarly(this.#early, this.#reader)
    if (this.#isWanted) this.#acknowledge()
  }

  limitPause(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs
    this.#movedMs = performance.now()
  }

  /** Tells the reader if nothing has come for too long. To be called regularly. */
  checkPause(nowMs: number): void {
    if (this.#timeoutMs === 0 || this.isEnded || nowMs - this.#movedMs <= this.#timeoutMs) return
    this.#movedMs = nowMs
    this.#reader?.onPause()
  }

  /** The stream is closed. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    const isWhole = this.isEnded && !this.#early
    this.#early = undefined
    this.#hold(-this.#heldBytes)
    if (!isWhole) this.#reader?.onAborted()
  }

  #passEarly(early: GatheredBytes, reader: BodyReader): void {
    this.#early = undefined
    this.#isWanted = reader.onBody(early.bytes)
    if (this.isEnded && !this.#isStopped) reader.onBodyEnd(this.#trailers)
  }

  #hold(change: number): void {
    if (change === 0) return
    this.#heldBytes += change
    this.#owner.onHeld(change)
  }

  /** Has the client send on, once half of the window was used. */
  #acknowledge(): void {
    this.#hold(-this.#heldBytes)
    if (this.isEnded || this.#unacknowledged < this.#windowBytes / 2) return
    this.#window += this.#unacknowledged
    this.#owner.onConsumed(this.#unacknowledged)
    this.#unacknowledged = 0
  }
}
