import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { readAsStream, readShared, type SharedReader } from '../../../base/sockets/read-shared.js'
import { type LightReader, makeWhole, readLight } from '../../accept/light-socket.js'
import type { LightRequest } from '../../request/light-request.js'
import { abort, type BodySource } from '../../request/pushed-request.js'
import { setLane, setUncountedRequests } from '../client-connection.js'
import { type HeadReader, headText } from './head-reader.js'
import { bodilessRequest, LaneUpload } from './lane-request.js'

/** Of requests that came before their turn. */
const MAX_KEPT_BYTES = 65_536

/** The answer to a request, as its connection sees it. */
export interface LaneAnswer {
  /** The connection takes more, after it had taken enough. */
  onDrain?(): void
  /** The connection has closed. */
  onClosed(): void
}

/** What the connections of a lane share. */
export interface LaneOwner {
  readonly reader: HeadReader
  /** Counts the sweeps of idle connections, as a clock that costs nothing to read. */
  readonly tick: number
  readonly maxHeadBytes: number
  /** Requests on one connection; 0 for no limit. */
  readonly maxRequests: number
  /** Serves a request. Returns its answer, which tells the connection of its end by `onAnswered`. */
  serve(req: LightRequest, connection: LaneConnection): LaneAnswer
  /** Serves a connection by Node's server from its next byte on. */
  handOver(connection: LaneConnection): void
  onClosed(connection: LaneConnection): void
}

/**
 * A client's connection of HTTP/1.1 whose requests are read here as long as they are plain, one after the other. The
 * first that is not goes to Node's server with the connection.
 */
export class LaneConnection implements BodySource, SharedReader, LightReader {
  /** The longest pause between two parts of the body; 0 for no limit. */
  bodyTimeoutMs = 0
  /** The tick in which it last became idle, or a part of a body came or was first waited for. */
  movedTick: number
  /** Requests that it has carried. */
  requests = 0
  readonly #owner: LaneOwner
  #answer: LaneAnswer | undefined
  #upload: LaneUpload | undefined
  /** Bytes of its body that are still to come. */
  #remaining = 0
  /** What came behind the request under way. */
  #pipelined: Buffer | undefined
  #isEnding = false
  #closes = false

  constructor(
    readonly socket: Socket,
    owner: LaneOwner
  ) {
    this.#owner = owner
    this.movedTick = owner.tick
    setLane(socket, this)
    if (!readLight(socket, this)) this.onWhole()
  }

  /** From now on it is told by events. */
  onWhole(): void {
    this.socket
      .on('data', this.onRead)
      .on('drain', this.#onDrain)
      .on('end', this.#onEnd)
      .on('error', this.#onError)
      .on('close', this.onClosed)
    readShared(this.socket, this)
  }

  /** Whether it waits for a request. */
  get isIdle(): boolean {
    return this.#answer === undefined && this.#upload === undefined && !this.#isEnding
  }

  get readsBulk(): boolean {
    return this.#upload?.readsBulk ?? false
  }

  /** Whether the next request has come already. */
  get hasPipelined(): boolean {
    return this.#pipelined !== undefined
  }

  /** The request whose body is being received; undefined if none is. */
  get upload(): IncomingMessage | undefined {
    return this.#upload
  }

  /** Whether the request under way is the last one, by the client's word or the limit of requests. */
  get isLastRequest(): boolean {
    const { maxRequests } = this.#owner
    return this.#closes || (maxRequests > 0 && this.requests >= maxRequests)
  }

  resumeBody(): void {
    if (this.#upload) this.socket.resume()
  }

  limitPause(timeoutMs: number): void {
    this.bodyTimeoutMs = timeoutMs
    this.movedTick = this.#owner.tick
  }

  /**
   * The answer has been sent, and is flushed.
   * @param isLast whether the connection ends with it
   */
  onAnswered(isLast: boolean): void {
    this.#answer = undefined
    this.movedTick = this.#owner.tick
    if (isLast) {
      this.#isEnding = true
      this.#pipelined = undefined
      this.socket.destroySoon()
      return
    }
    const pipelined = this.#pipelined
    if (pipelined === undefined || this.socket.destroyed) return
    this.#pipelined = undefined
    this.socket.resume()
    this.#readRequest(pipelined, true)
  }

  readonly onRead = (chunk: Buffer): void => {
    if (this.#upload) this.#readBody(this.#upload, chunk)
    else if (this.#isEnding) return
    else if (this.#answer) this.#keep(chunk)
    else this.#readRequest(chunk, false)
  }

  /** @param wasKept whether the bytes have come before their turn */
  #readRequest(chunk: Buffer, wasKept: boolean): void {
    const owner = this.#owner
    const { reader, maxHeadBytes } = owner
    const text = headText(chunk, maxHeadBytes)
    const end = reader.read(text)
    // Node's server has requests that come at once answered side by side.
    if (end === -1 || (!wasKept && end + reader.contentLength < chunk.length)) {
      this.#handOver(chunk)
      return
    }
    this.requests++
    this.#closes = reader.closes
    const fields = text.slice(reader.fieldsAt, end - 2)
    const { contentLength } = reader
    let req: LightRequest
    let begun: Buffer | undefined
    if (contentLength === 0) {
      req = bodilessRequest(this.socket, reader, fields)
      if (end < chunk.length) this.#keep(chunk.subarray(end))
    } else {
      // A body that is still to come may have to wait.
      if (chunk.length - end < contentLength) makeWhole(this.socket)
      const upload = new LaneUpload(this.socket, reader, fields, this)
      req = upload
      this.#upload = upload
      this.#remaining = contentLength
      this.movedTick = owner.tick
      if (end < chunk.length) {
        const part = chunk.subarray(end)
        // A part of a body can be taken as it is by who takes the request at once; what is whole is told with that.
        if (part.length >= contentLength) this.#readBody(upload, part)
        else begun = part
      }
    }
    this.#answer = owner.serve(req, this)
    if (begun && this.#upload) this.#readBody(this.#upload, begun)
  }

  #readBody(upload: LaneUpload, chunk: Buffer): void {
    const length = Math.min(chunk.length, this.#remaining)
    this.#remaining -= length
    this.movedTick = this.#owner.tick
    const hasRoom = upload.receive(length === chunk.length ? chunk : chunk.subarray(0, length))
    if (this.#remaining > 0) {
      if (!hasRoom) this.socket.pause()
      return
    }
    this.#upload = undefined
    this.bodyTimeoutMs = 0
    upload.complete = true
    upload.push(null)
    if (length < chunk.length && !this.#isEnding) this.#keep(chunk.subarray(length))
  }

  /** Keeps what has come before its turn. Reading goes on for a while, as it shows when the client leaves. */
  #keep(bytes: Buffer): void {
    const kept = this.#pipelined ? Buffer.concat([this.#pipelined, bytes]) : Buffer.from(bytes)
    this.#pipelined = kept
    if (kept.length >= MAX_KEPT_BYTES) this.socket.pause()
  }

  #handOver(bytes: Buffer): void {
    const { socket } = this
    makeWhole(socket)
    socket.off('data', this.onRead)
    readAsStream(socket)
    // Flowing, it would not tell its next listener of what is put back.
    socket.pause()
    socket.unshift(Buffer.from(bytes))
    // The read that is under way would stop the next one behind the back of Node's server, whose own pauses then fail.
    process.nextTick(() => this.#leave())
  }

  #leave(): void {
    const { socket } = this
    if (socket.destroyed) return
    socket.off('drain', this.#onDrain).off('end', this.#onEnd)
    socket.off('error', this.#onError).off('close', this.onClosed)
    setLane(socket, undefined)
    if (this.#owner.maxRequests > 0) setUncountedRequests(socket, this.requests)
    this.#owner.handOver(this)
    socket.resume()
  }

  readonly #onDrain = (): void => {
    this.#answer?.onDrain?.()
  }

  /** As Node's server does: what was written still goes out, and no more. */
  readonly #onEnd = (): void => {
    this.socket.end()
  }

  readonly #onError = (): void => {
    this.socket.destroy()
  }

  readonly onClosed = (): void => {
    this.#owner.onClosed(this)
    const upload = this.#upload
    this.#upload = undefined
    const answer = this.#answer
    this.#answer = undefined
    answer?.onClosed()
    if (upload) abort(upload)
  }
}
