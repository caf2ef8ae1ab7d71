import { IncomingMessage } from 'node:http'
import { connectionOptions } from '../../base/http/field-names.js'
import { hasBody } from '../../base/http/request-body.js'

/**
 * The protocols that a request offers to switch to (RFC 9110 section 7.8); undefined if none can be passed on. HTTP/2
 * cannot: its requests would not be balanced, and a client that offers it speaks HTTP/1.1 as well.
 */
export function offeredProtocols(req: IncomingMessage): string | undefined {
  const { connection, upgrade } = req.headers
  if (upgrade === undefined || connection === undefined) return undefined
  if (req.httpVersionMinor === 0 || hasBody(req)) return undefined
  if (!connectionOptions(connection).includes('upgrade')) return undefined
  const protocols = upgrade.split(',').map((name) => name.trim())
  const tunnelled = protocols.filter((name) => name !== '' && !/^h2c?$/i.test(name))
  return tunnelled.length > 0 ? tunnelled.join(', ') : undefined
}

const END_OF_HEAD = '\r\n\r\n'
const CR = 13
const LF = 10

/** Node's parser, while it reads a chunk. */
interface Parser {
  getCurrentBuffer?(): Buffer
}

/**
 * A request that Node treats as an upgrade only if it can be passed on as one. By default Node does so for every
 * `Upgrade` field, and would not read the body of an upload that offers HTTP/2, as some HTTP clients always do.
 *
 * Its parser stops after such a request all the same, and Node drops what came behind it in the same chunk. Whoever
 * serves the request has to close the connection then, as the rest of what was dropped would be read as a request.
 */
export class UpgradableRequest extends IncomingMessage {
  declare upgradeSeen: boolean | null
  /** Called at the end of the request if what the client sent behind it is lost, or may be. */
  declare onLoss: (() => void) | undefined
  /** Bytes of the body in the latest chunk of the connection. */
  declare private bodyBytes: number
  /** Node asks once when it has the head, and once after each chunk of the connection. */
  declare private asked: number

  get upgrade(): boolean {
    if (this.upgradeSeen !== true) return false
    this.asked++
    return this.method === 'CONNECT' || offeredProtocols(this) !== undefined
  }

  set upgrade(isSeen: boolean | null) {
    this.upgradeSeen = isSeen
    if (isSeen !== true) return
    this.bodyBytes = 0
    this.asked = 0
  }

  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    if (this.upgradeSeen === true) {
      if (chunk) this.bodyBytes = chunk.length
      else if (this.onLoss && this.#isFollowed()) this.onLoss()
    }
    return super.push(chunk, encoding)
  }

  /** Whether the chunk in which the request ends may go on. That of a chunked body is not told from what follows. */
  #isFollowed(): boolean {
    const parser = (this.socket as { parser?: Parser | null }).parser
    const chunk = parser?.getCurrentBuffer?.()
    if (!chunk || this.headers['transfer-encoding'] !== undefined) return true
    if (this.asked > 1) return chunk.length !== this.bodyBytes
    // The end of the head may have begun in the chunk before: what looks like it here is in the body.
    if (chunk[0] === CR || chunk[0] === LF) return true
    const endOfHead = chunk.indexOf(END_OF_HEAD)
    return endOfHead === -1 || chunk.length !== endOfHead + END_OF_HEAD.length + this.bodyBytes
  }
}
