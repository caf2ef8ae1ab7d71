import { ConnectionClosed } from './connection-closed.js'
import { Dispatcher } from './undici.js'

/**
 * The one dispatcher of an undici `Pool` (its `factory`), with the forms of `close()` and `destroy()` that undici calls:
 * with a promise or a callback. The pool passes requests and handlers through as they are: `OutgoingRequest` and
 * `ResponseHandler`, not undici's own types.
 */
export abstract class ClosingDispatcher extends Dispatcher {
  /** Closes once the requests under way have ended. No request follows. May be called again. */
  protected abstract closeAll(): Promise<unknown>

  /** Fails the requests under way. */
  protected abstract failAll(reason: Error): void

  /** Closes once the requests under way have ended. */
  override close(): Promise<void>
  override close(callback: () => void): void
  override close(callback?: () => void): Promise<void> | undefined {
    const closed = this.closeAll().then(() => {})
    if (!callback) return closed
    void closed.then(callback)
    return undefined
  }

  /** Fails the requests under way, and closes. */
  override destroy(error?: Error | null): Promise<void>
  override destroy(callback: () => void): void
  override destroy(error: Error | null, callback: () => void): void
  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> | undefined {
    this.failAll(error instanceof Error ? error : new ConnectionClosed())
    const closed = typeof error === 'function' ? error : callback
    if (!closed) return this.close()
    this.close(closed)
    return undefined
  }
}
