type State = 'head' | 'body' | 'until-close' | 'chunk-size' | 'chunk' | 'trailers' | 'complete'

const none = Buffer.alloc(0)

/** Reads the responses of one connection, one at a time: as little of HTTP/1.1 as a proxy may answer a GET with. */
export class ResponseReader {
  status = 0
  /** What the backend says that it is (`x-backend`), or -1. */
  backend = -1
  /** The target that the answer is for (`x-target`), or empty. */
  target = ''
  /** Whether the connection may carry another request. */
  keepsAlive = true
  #state: State = 'head'
  #held: Buffer = none
  #bodyBytesLeft = 0

  /** Forgets the last response. */
  reset(): void {
    this.#state = 'head'
    this.#held = none
  }

  /** Reads a chunk. Returns whether the response is complete; throws if it is invalid. */
  push(bytes: Buffer): boolean {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    while (this.#step()) if (this.#state === 'complete') break
    if (this.#state !== 'complete') return false
    if (this.#held.length > 0) throw new Error('more came than one response')
    return true
  }

  /** The connection ended. Returns whether that completes the response. */
  end(): boolean {
    return this.#state === 'until-close'
  }

  /** Reads one part. Returns false when more bytes are needed for it. */
  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#readHead()
      case 'body':
        return this.#skip('complete')
      case 'chunk':
        return this.#skip('chunk-size')
      case 'chunk-size':
        return this.#readChunkSize()
      case 'trailers':
        return this.#readTrailer()
      case 'until-close':
        this.#held = none
        return false
      case 'complete':
        return true
    }
  }

  #readHead(): boolean {
    const head = this.#take('\r\n\r\n')
    if (head === undefined) return false
    const match = /^HTTP\/1\.([01]) (\d{3})/.exec(head)
    if (!match) throw new Error('not an HTTP response')
    this.status = Number(match[2])
    // An interim response: the real one follows.
    if (this.status < 200) return true
    const connection = fieldOf(head, 'connection')?.toLowerCase()
    this.keepsAlive = match[1] === '1' ? connection !== 'close' : connection === 'keep-alive'
    this.backend = Number(fieldOf(head, 'x-backend') ?? -1)
    this.target = fieldOf(head, 'x-target') ?? ''
    this.#frame(head)
    return true
  }

  #frame(head: string): void {
    const length = fieldOf(head, 'content-length')
    if (this.status === 204 || this.status === 304) this.#state = 'complete'
    else if (fieldOf(head, 'transfer-encoding') !== undefined) this.#state = 'chunk-size'
    else if (length === undefined) {
      this.#state = 'until-close'
      this.keepsAlive = false
    } else {
      this.#bodyBytesLeft = Number(length)
      this.#state = 'body'
    }
  }

  #readChunkSize(): boolean {
    const line = this.#take('\r\n')
    if (line === undefined) return false
    const size = Number.parseInt(line, 16)
    if (Number.isNaN(size)) throw new Error('not a chunk')
    // The line break after the chunk counts with it.
    this.#bodyBytesLeft = size + 2
    this.#state = size === 0 ? 'trailers' : 'chunk'
    return true
  }

  #readTrailer(): boolean {
    const line = this.#take('\r\n')
    if (line === '') this.#state = 'complete'
    return line !== undefined
  }

  #skip(next: State): boolean {
    const count = Math.min(this.#bodyBytesLeft, this.#held.length)
    this.#held = this.#held.subarray(count)
    this.#bodyBytesLeft -= count
    if (this.#bodyBytesLeft > 0) return false
    this.#state = next
    return true
  }

  #take(delimiter: string): string | undefined {
    const end = this.#held.indexOf(delimiter)
    if (end < 0) return undefined
    const text = this.#held.toString('latin1', 0, end)
    this.#held = this.#held.subarray(end + delimiter.length)
    return text
  }
}

function fieldOf(head: string, name: string): string | undefined {
  return fields[name]!.exec(head)?.[1]
}

const fields: Record<string, RegExp> = Object.fromEntries(
  ['connection', 'x-backend', 'x-target', 'content-length', 'transfer-encoding'].map((name) => [
    name,
    new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i')
  ])
)
