import type { OutgoingRequest, ResponseHandler } from '../transport/backend-stream.js'
import type { SecureOrigin } from '../transport/origin.js'
import { type OneShotConnection, type OneShotOptions, sendOneShot } from './one-shot-request.js'

/** A check took too long. */
export class CheckTimeout extends Error {
  override readonly name = 'TimeoutError'
}

/** Where a check goes, and how long all of it may take. */
export interface CheckTarget {
  readonly origin: SecureOrigin
  readonly servername: string | undefined
  readonly timeoutMs: number
}

export type TimedOptions = Omit<OneShotOptions, 'connectTimeoutMs' | 'servername' | 'onClosed'>

/** A check under way. */
export interface TimedRequest extends OneShotConnection {
  /** It has its answer, and is late no more. */
  stopTimer(): void
}

/** Sends a request over a new connection, which fails with `CheckTimeout` if it takes too long. */
export function sendTimed(
  { origin, servername, timeoutMs }: CheckTarget,
  options: TimedOptions,
  request: OutgoingRequest,
  handler: ResponseHandler
): TimedRequest {
  // An answer that has arrived is read first, in case the event loop was blocked.
  const timer = setTimeout(() => setImmediate(() => connection.fail(new CheckTimeout())), timeoutMs)
  const stopTimer = () => clearTimeout(timer)
  const connection = sendOneShot(
    origin,
    { ...options, connectTimeoutMs: timeoutMs, servername, onClosed: stopTimer },
    request,
    handler
  )
  return { fail: (error) => connection.fail(error), stopTimer }
}
