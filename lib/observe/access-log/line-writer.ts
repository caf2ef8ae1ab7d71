import fs, { constants } from 'node:fs'
import type { LineSink } from './access-log.js'

const STANDARD_OUTPUT = 1
/** What the kernel writes to a pipe whole, so that no other writer's line comes to stand in the middle of one. */
const PIPE_WRITE_BYTES = 4096
const FILE_WRITE_BYTES = 65_536
const HELD_BYTES = 4_194_304
const FLUSH_MS = 100
const FULL_PIPE_MS = 20
const FILE_CHECK_MS = 1000
const END_MS = 1000
/** A pipe without a reader is an error then, and one whose reader is slow takes no thread of Node's few. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
const FILE_MODE = 0o640
const LINE_BREAK = 0x0a

export interface LineWriterEvents {
  onDropped(lines: number): void
  /** Writing fails, for the first time since it went well. */
  onBroken(error: Error): void
}

/**
 * Writes lines of ASCII in large parts, beside the event loop. What the file or the reader of the pipe does not take yet
 * is held, up to a bound; lines beyond it are dropped.
 */
export class LineWriter implements LineSink {
  readonly #file: string
  readonly #events: LineWriterEvents
  readonly #maxHeldBytes: number
  readonly #writeBytes: number
  #fd: number
  #heldBytes = 0
  /** What is gathered for the next write. */
  #part = ''
  readonly #parts: string[] = []
  #flushTimer: NodeJS.Timeout | undefined
  #isWriting = false
  #isBroken = false
  #checkedMs = performance.now()
  #onIdle: (() => void) | undefined

  /**
   * Opens the file, or throws.
   * @param file to be added to, or empty for standard output
   */
  constructor(file: string, events: LineWriterEvents, maxHeldBytes = HELD_BYTES) {
    this.#file = file
    this.#events = events
    this.#maxHeldBytes = maxHeldBytes
    this.#fd = file === '' ? STANDARD_OUTPUT : fs.openSync(file, OPEN_FLAGS, FILE_MODE)
    this.#writeBytes = fs.fstatSync(this.#fd).isFile() ? FILE_WRITE_BYTES : PIPE_WRITE_BYTES
  }

  write(line: string): void {
    if (this.#heldBytes + line.length > this.#maxHeldBytes) {
      this.#events.onDropped(1)
      return
    }
    this.#heldBytes += line.length
    if (this.#part.length + line.length > this.#writeBytes) this.#flush()
    this.#part += line
    this.#flushTimer ??= setTimeout(this.#flush, FLUSH_MS).unref()
  }

  /** Writes what is held, if that is taken in time, and closes the file. */
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
    else this.#whenFileIsThere(() => this.#writeOut(Buffer.from(part, 'latin1')))
  }

  #writeOut(bytes: Buffer): void {
    fs.write(this.#fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeOut(bytes), FULL_PIPE_MS).unref()
        return
      }
      if (error) this.#onError(error, bytes)
      else this.#isBroken = false
      const taken = error ? bytes.length : written
      this.#heldBytes -= taken
      if (taken < bytes.length) this.#writeOut(bytes.subarray(taken))
      else this.#next()
    })
  }

  #onError(error: Error, bytes: Buffer): void {
    this.#events.onDropped(bytes.reduce((lines, byte) => lines + Number(byte === LINE_BREAK), 0))
    if (!this.#isBroken) this.#events.onBroken(error)
    this.#isBroken = true
  }

  /** Now and then, opens the file anew if another one has its name by now, or none, as after a rotation. */
  #whenFileIsThere(proceed: () => void): void {
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
        // What is still open is better than nothing.
        this.#events.onBroken(error)
        this.#isBroken = true
      }
      proceed()
    })
  }
}
