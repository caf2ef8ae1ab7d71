import { Dispatcher } from 'undici'
import { ConnectionClosed } from './connection-closed.js'

/**
 * What stands under an undici `Pool` as the one dispatcher of its `factory`, and closes in the ways that undici asks
 * for: after or before its requests have been answered, with a promise or a callback. Requests and handlers pass through
 * the pool as they are, and are of this room's kind, not of undici's.
 */
export abstract class ClosingDispatcher extends Dispatcher {
  /** Takes no more requests, lets those that it has be answered, and closes. May be called again. */
  protected abstract closeAll(): Promise<unknown>

  /** Fails the requests that it has. */
  protected abstract failAll(reason: Error): void

  /** Lets the requests that it has be answered, and closes. */
  override close(): Promise<void>
  override close(callback: () => void): void
  override close(callback?: () => void): Promise<void> | undefined {
    const closed = this.closeAll().then(() => {})
    if (!callback) return closed
    void closed.then(callback)
    return undefined
  }

  /** Fails the requests that it has, and closes. */
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
