import { randomBytes } from 'node:crypto'
import { IncomingMessage } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { StreamRequest } from '../../base/http/stream-request.js'

/** What Node's own parser calls; the same in Node 20 to 26. */
interface Internals {
  _addHeaderLines(list: readonly string[], length: number): void
}

const WEBSOCKET = 'websocket'
const KEY_BYTES = 16

/**
 * A request that came by HTTP/2 in the form of HTTP/1.1 (RFC 9113 section 8.3.1), so that all else treats both alike:
 * its authority is the `Host`, its cookies are one field, and a body of undeclared length comes in chunks. A request
 * that opens a WebSocket by RFC 8441 becomes the GET of RFC 6455.
 */
export class Http2Request extends IncomingMessage implements StreamRequest {
  readonly isWebSocket: boolean
  readonly scheme: string
  readonly #stream: ServerHttp2Stream
  #isRead = false

  /**
   * @param socket the connection of its session
   * @param list names and values in turn, as they came
   * @param isWhole whether there is nothing behind its head
   */
  constructor(stream: ServerHttp2Stream, socket: Socket, list: readonly string[], isWhole: boolean) {
    super(socket)
    this.#stream = stream
    this.httpVersion = '2.0'
    this.httpVersionMajor = 2
    this.httpVersionMinor = 0
    const { pseudo, fields, hasLength } = sorted(list)
    this.scheme = pseudo[':scheme'] ?? ''
    this.isWebSocket = pseudo[':method'] === 'CONNECT' && pseudo[':protocol'] === WEBSOCKET
    this.method = this.isWebSocket ? 'GET' : pseudo[':method']!
    // A plain CONNECT has no path.
    this.url = this.method === 'CONNECT' ? '' : pseudo[':path']!
    if (this.isWebSocket) fields.push('sec-websocket-key', randomBytes(KEY_BYTES).toString('base64'))
    else if (!isWhole && !hasLength) fields.push('transfer-encoding', 'chunked')
    ;(this as unknown as Internals)._addHeaderLines(fields, fields.length)
    // What follows the head of a WebSocket is not HTTP.
    this.complete = isWhole || this.isWebSocket
    if (this.complete) {
      // Node closes a stream once its end has been read.
      if (isWhole) stream.resume()
      return
    }
    stream.once('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw?: string[]) => {
      this.rawTrailers = raw ?? []
    })
    stream.on('timeout', () => this.emit('timeout'))
  }

  /** Reads nothing of a body before somebody wants it. */
  override _read(): void {
    if (this.#isRead) {
      this.#stream.resume()
      return
    }
    this.#isRead = true
    this.#stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) this.#stream.pause()
    })
    // Node tells the end of an empty body at once, whether anybody listens or not.
    if (this.#stream.readableEnded) this.#onStreamEnd()
    else this.#stream.on('end', () => this.#onStreamEnd())
  }

  #onStreamEnd(): void {
    this.complete = !this.#stream.aborted
    if (this.complete) this.push(null)
  }

  /** The connection belongs to other streams as well. */
  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    done()
  }

  override setTimeout(timeoutMs: number): this {
    this.#stream.setTimeout(timeoutMs)
    return this
  }
}

/** The pseudo-header fields of a list, and its other fields as a message of HTTP/1.1 has them. */
function sorted(list: readonly string[]) {
  const pseudo: Record<string, string> = {}
  const fields: string[] = []
  let hosts = 0
  let cookies = ''
  let hasLength = false
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!
    const value = list[i + 1]!
    if (name.startsWith(':')) {
      pseudo[name] = value
      // In a message of HTTP/1.1 it comes first.
      if (name === ':authority') fields.unshift('host', value)
    } else if (name === 'cookie') {
      cookies = cookies === '' ? value : `${cookies}; ${value}`
    } else if (name === 'host') {
      hosts++
      // A different one is kept, so that the check finds it (RFC 9113 section 8.3.1).
      if (hosts > 1 || value.toLowerCase() !== pseudo[':authority']?.toLowerCase()) fields.push(name, value)
    } else {
      hasLength ||= name === 'content-length'
      fields.push(name, value)
    }
  }
  if (cookies !== '') fields.push('cookie', cookies)
  return { pseudo, fields, hasLength }
}
