import type { Socket } from 'node:net'
import { bulkReads, usualReads } from './read-buffer.js'

/** Takes what is read off a socket. */
export interface SharedReader {
  /** Whether the next read may be a large one. */
  readonly readsBulk: boolean
  /** Is told of bytes that the next read of any socket overwrites. */
  onRead(bytes: Buffer): void
}

type Internals = Socket & Record<symbol, unknown>

/** What the option `onread` sets on sockets that connect; on those that are accepted nothing does. The same in Node 20 to 26. */
interface Keys {
  readonly buffer: symbol
  readonly nextBuffer: symbol
  readonly callback: symbol
}

let keys: Keys | undefined

function keysOf(socket: Socket): Keys | undefined {
  if (keys) return keys
  const symbols = Object.getOwnPropertySymbols(socket)
  const named = (name: string) => symbols.find(({ description }) => description === name)
  const [buffer, nextBuffer, callback] = [named('kBuffer'), named('kBufferGen'), named('kBufferCb')]
  if (buffer && nextBuffer && callback) keys = { buffer, nextBuffer, callback }
  return keys
}

/**
 * Has a socket that was accepted read into the memory that all share, from its next read on. What was read before, and
 * all where that is not possible, comes as 'data'.
 */
export function readShared(socket: Socket, reader: SharedReader): void {
  const { _handle: handle } = socket as Socket & { _handle?: { useUserBuffer?(buffer: Buffer): void } | null }
  const found = keysOf(socket)
  if (!found || !handle?.useUserBuffer) return
  const internals = socket as Internals
  internals[found.buffer] = usualReads
  internals[found.nextBuffer] = () => (reader.readsBulk ? bulkReads : usualReads)
  internals[found.callback] = (length: number) => {
    const bytes = bulkReads.subarray(0, length)
    // What has come before them is still to be told. TLS tells of all that it has read, though reading is paused.
    if (socket.readableLength > 0 || socket.isPaused()) return socket.push(Buffer.from(bytes))
    reader.onRead(bytes)
    return true
  }
  handle.useUserBuffer(usualReads)
}

/** Has a socket emit what is read as 'data' again. */
export function readAsStream(socket: Socket): void {
  const internals = socket as Internals
  if (!keys || !internals[keys.buffer]) return
  internals[keys.nextBuffer] = () => usualReads
  internals[keys.callback] = (length: number) => socket.push(Buffer.from(bulkReads.subarray(0, length)))
}
