import { writeSync, writevSync } from 'node:fs'
import type { Socket } from 'node:net'
import { borrowCopy, returnCopy } from './copies.js'

/**
 * So much a reader has to have taken without delay before it counts as fast: more than the systems of both sides hold for
 * one that reads nothing.
 */
const PROOF_BYTES = 5_242_880
/** What takes longer than this to be taken is delayed. */
const DELAY_MS = 1000

/** The connection is lost. */
const LOST = -1

/** Is told that something is written, or of the error. */
export type Written = (error?: Error | null) => void

const WRITER = Symbol('lent writer')

/** Writes bytes to a socket that are lent: after the call their memory is used for something else. */
export class LentWriter {
  /** The one of a socket, made when it is first asked for. */
  static of(socket: Socket & { [WRITER]?: LentWriter }): LentWriter {
    socket[WRITER] ??= new LentWriter(socket)
    return socket[WRITER]
  }

  readonly #socket: Socket
  /** Since the last delay. */
  #takenBytes = 0

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Whether the other side reads so fast that large writes do not have to wait in this process. */
  get isFast(): boolean {
    return this.#takenBytes >= PROOF_BYTES
  }

  /** Whether only what the system does not take at once is held; otherwise all is copied first. */
  get isDirect(): boolean {
    return descriptorOf(this.#socket) !== -1
  }

  /**
   * Writes at once what the system takes, and the rest from a copy.
   * @param written called when all is written, or with the error
   */
  write(parts: readonly Buffer[], written?: Written): void {
    const socket = this.#socket
    let total = 0
    for (const { length } of parts) total += length
    this.#takenBytes += total
    const isFree = socket.writableLength === 0 && !socket.writableEnded && !socket.destroyed
    const taken = isFree ? this.#tryWrite(parts, written) : 0
    if (taken === LOST) return
    if (taken === total) {
      written?.()
      return
    }
    const sinceMs = performance.now()
    const copy = this.isDirect ? Buffer.allocUnsafeSlow(total - taken) : borrowCopy(total)
    fill(copy, parts, taken)
    socket.write(copy.length > total - taken ? copy.subarray(0, total - taken) : copy, (error) => {
      returnCopy(copy)
      if (performance.now() - sinceMs > DELAY_MS) this.#takenBytes = 0
      written?.(error)
    })
  }

  /** Writes as much as the system takes. */
  #tryWrite(parts: readonly Buffer[], written: Written | undefined): number {
    const socket = this.#socket
    const descriptor = descriptorOf(socket)
    if (descriptor === -1) return 0
    try {
      return parts.length === 1 ? writeSync(descriptor, parts[0]!) : writevSync(descriptor, parts)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
      // As after a write of Node's own. The system tells an error once: it is not left for the next write.
      process.nextTick(lose, socket, error, written)
      return LOST
    }
  }
}

/** The descriptor that bytes can be written to as they are, or -1. */
function descriptorOf(socket: Socket & { encrypted?: boolean; _handle?: { fd?: number } | null }): number {
  return socket.encrypted ? -1 : (socket._handle?.fd ?? -1)
}

/** Ends a connection that cannot be written to. */
export function lose(socket: Pick<Socket, 'destroy'>, error: Error, written: Written | undefined): void {
  written?.(error)
  socket.destroy(error)
}

/** Copies the bytes of parts from a position on. */
function fill(copy: Buffer, parts: readonly Buffer[], from: number): void {
  let at = 0
  let skipped = from
  for (const part of parts) {
    const start = Math.min(skipped, part.length)
    skipped -= start
    at += part.copy(copy, at, start)
  }
}
