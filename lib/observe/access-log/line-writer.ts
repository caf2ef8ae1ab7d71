import fs, { constants } from 'node:fs'
import type { LineSink } from './access-log.js'

const STANDARD_OUTPUT = 1
/** Up to this size a write to a pipe is atomic (`PIPE_BUF` on Linux): lines of several writers do not mix. */
const PIPE_WRITE_BYTES = 4096
const FILE_WRITE_BYTES = 65_536
const MAX_BUFFERED_BYTES = 4_194_304
const FLUSH_MS = 100
const FULL_PIPE_MS = 20
const FILE_CHECK_MS = 1000
const END_MS = 1000
/** Non-blocking: a pipe without a reader is an error, and a slow reader blocks no thread of libuv's pool. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
const FILE_MODE = 0o640
const LINE_BREAK = 0x0a

export interface LineWriterEvents {
  onDropped(lines: number): void
  /** Writing fails, for the first time since it last succeeded. */
  onBroken(error: Error): void
}

/**
 * Writes lines of ASCII in large chunks, asynchronously. What the file or the reader of the pipe cannot take yet is
 * buffered, up to a limit; lines beyond it are dropped.
 */
export class LineWriter implements LineSink {
  readonly #file: string
  readonly #events: LineWriterEvents
  readonly #maxBufferedBytes: number
  readonly #writeBytes: number
  #fd: number
  #bufferedBytes = 0
  /** What is collected for the next write. */
  #part = ''
  readonly #parts: string[] = []
  #flushTimer: NodeJS.Timeout | undefined
  #isWriting = false
  #isBroken = false
  #checkedMs = performance.now()
  #onIdle: (() => void) | undefined

  /**
   * Opens the file.
   * @param file to append to, or empty for standard output
   * @throws if it cannot be opened
   */
  constructor(file: string, events: LineWriterEvents, maxBufferedBytes = MAX_BUFFERED_BYTES) {
    this.#file = file
    this.#events = events
    this.#maxBufferedBytes = maxBufferedBytes
    this.#fd = file === '' ? STANDARD_OUTPUT : fs.openSync(file, OPEN_FLAGS, FILE_MODE)
    this.#writeBytes = fs.fstatSync(this.#fd).isFile() ? FILE_WRITE_BYTES : PIPE_WRITE_BYTES
  }

  write(line: string): void {
    if (this.#bufferedBytes + line.length > this.#maxBufferedBytes) {
      this.#events.onDropped(1)
      return
    }
    this.#bufferedBytes += line.length
    if (this.#part.length + line.length > this.#writeBytes) this.#flush()
    this.#part += line
    this.#flushTimer ??= setTimeout(this.#flush, FLUSH_MS).unref()
  }

  /** Writes what is buffered, for a second at most, and closes the file. */
  async end(): Promise<void> {
    this.#flush()
    if (this.#isWriting) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, END_MS)
        this.#onIdle = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    if (!this.#isWriting && this.#fd !== STANDARD_OUTPUT) fs.closeSync(this.#fd)
  }

  readonly #flush = (): void => {
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    if (this.#part === '') return
    this.#parts.push(this.#part)
    this.#part = ''
    if (!this.#isWriting) this.#next()
  }

  readonly #next = (): void => {
    const part = this.#parts.shift()
    this.#isWriting = part !== undefined
    if (part === undefined) this.#onIdle?.()
    else this.#afterRotationCheck(() => this.#writeOut(Buffer.from(part, 'latin1')))
  }

  #writeOut(bytes: Buffer): void {
    fs.write(this.#fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeOut(bytes), FULL_PIPE_MS).unref()
        return
      }
      if (error) this.#onError(error, bytes)
      else this.#isBroken = false
      const done = error ? bytes.length : written
      this.#bufferedBytes -= done
      if (done < bytes.length) this.#writeOut(bytes.subarray(done))
      else this.#next()
    })
  }

  #onError(error: Error, bytes: Buffer): void {
    this.#events.onDropped(bytes.reduce((lines, byte) => lines + Number(byte === LINE_BREAK), 0))
    if (!this.#isBroken) this.#events.onBroken(error)
    this.#isBroken = true
  }

  /** Checks once a second whether the file still has its name, and opens it anew if not, as after a rotation. */
  #afterRotationCheck(proceed: () => void): void {
    const nowMs = performance.now()
    if (this.#file === '' || nowMs < this.#checkedMs + FILE_CHECK_MS) {
      proceed()
      return
    }
    this.#checkedMs = nowMs
    const open = fs.fstatSync(this.#fd)
    fs.stat(this.#file, (_, named) => {
      if (named?.ino === open.ino && named.dev === open.dev) proceed()
      else this.#reopen(proceed)
    })
  }

  #reopen(proceed: () => void): void {
    fs.open(this.#file, OPEN_FLAGS, FILE_MODE, (error, fd) => {
      if (!error) {
        fs.close(this.#fd)
        this.#fd = fd
      } else if (!this.#isBroken) {
        // The file that is still open is better than none.
        this.#events.onBroken(error)
        this.#isBroken = true
      }
      proceed()
    })
  }
}
