import { Socket } from 'node:net'
import { bulkReads, usualReads } from './read-buffer.js'

/** Takes what is read off a socket. */
export interface SharedReader {
  /** Whether the next read may be a large one. */
  readonly readsBulk: boolean
  /** Is told of bytes that the next read of any socket overwrites. */
  onRead(bytes: Buffer): void
}

type Internals = Socket & Record<symbol, unknown>

/** Where a socket keeps what its option `onread` says; on those that are accepted nothing does. The same in Node 20 to 26. */
export interface ReadKeys {
  readonly buffer: symbol
  readonly nextBuffer: symbol
  readonly callback: symbol
}

/** Undefined in a version of Node that has them no longer. */
export const READ_KEYS: ReadKeys | undefined = (() => {
  const symbols = Object.getOwnPropertySymbols(new Socket())
  const named = (name: string) => symbols.find(({ description }) => description === name)
  const [buffer, nextBuffer, callback] = [named('kBuffer'), named('kBufferGen'), named('kBufferCb')]
  return buffer && nextBuffer && callback && { buffer, nextBuffer, callback }
})()

/**
 * Has a socket that was accepted read into the memory that all share, from its next read on. What was read before, and
 * all where that is not possible, comes as 'data'.
 */
export function readShared(socket: Socket, reader: SharedReader): void {
  const { _handle: handle } = socket as Socket & { _handle?: { useUserBuffer?(buffer: Buffer): void } | null }
  if (!READ_KEYS || !handle?.useUserBuffer) return
  const internals = socket as Internals
  internals[READ_KEYS.buffer] = usualReads
  internals[READ_KEYS.nextBuffer] = () => (reader.readsBulk ? bulkReads : usualReads)
  internals[READ_KEYS.callback] = (length: number) => {
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
  if (!READ_KEYS || !internals[READ_KEYS.buffer]) return
  internals[READ_KEYS.nextBuffer] = () => usualReads
  internals[READ_KEYS.callback] = (length: number) => socket.push(Buffer.from(bulkReads.subarray(0, length)))
}
