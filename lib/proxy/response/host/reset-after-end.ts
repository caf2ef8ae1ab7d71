import type { ServerHttp2Stream } from 'node:http2'
import { ErrorCode } from '../../../base/http2/frames/frames.js'

/**
 * Interval of the check; and the time that a client has to process the end of the response before the reset, as some
 * take both together for a truncated response.
 */
const CHECK_MS = 100

/**
 * Resets a stream with NO_ERROR once its response was sent completely, so that the client stops sending (RFC 9113 section
 * 8.1). Node has no event for that: 'finish' precedes trailers and an END_STREAM that wait for the client's window.
 * @param stream whose writable side has been ended
 * @param dump discards what was read of it
 */
export function resetAfterEnd(stream: ServerHttp2Stream, dump: () => void): void {
  let hasEnded = false
  // Node closes a stream that nobody reads as soon as it is written, unless it is paused.
  stream.pause()
  const timer = setInterval(() => {
    if (hasEnded && !stream.closed) stream.close(ErrorCode.noError)
    // Node emits 'close' only after all was read.
    if (stream.closed) {
      stream.resume()
      dump()
    }
    hasEnded = isSent(stream)
  }, CHECK_MS)
  stream.once('close', () => clearInterval(timer))
}

/** Whether a response was sent completely, END_STREAM included. */
function isSent(stream: ServerHttp2Stream): boolean {
  return stream.writableFinished && stream.state.localClose === 1
}
