import { ErrorCode } from '../../../base/http2/frames/frames.js'
import type { ServerStream } from './server-stream.js'

/** For a client to process the end of the response before the reset, as some take both together for a truncated one. */
const PROCESSING_MS = 100

/**
 * Has the client of a stream stop sending (RFC 9113 section 8.1): resets it with NO_ERROR, unless the client ends its side by
 * itself.
 * @param stream whose response was sent completely
 */
export function stopSending(stream: ServerStream): void {
  if (stream.isClosed) return
  const timer = setTimeout(() => stream.reset(ErrorCode.noError), PROCESSING_MS)
  stream.whenClosed(() => clearTimeout(timer))
}
