import { constants, type ServerHttp2Stream } from 'node:http2'

const { NGHTTP2_NO_ERROR } = constants
/**
 * Between looks at a stream; and so long a client has to find the end of its response by itself before it is asked to
 * stop, as some take both together for a response that was cut off.
 */
const LOOK_MS = 100

/**
 * Asks the client of a stream to stop sending, once its response has been sent to its end (RFC 9113 section 8.1). Node
 * tells nobody when that is: 'finish' comes before trailers and an end that wait for the client's window.
 * @param stream whose writable side has been ended
 * @param dump throws away what was read of it
 */
export function resetAfterEnd(stream: ServerHttp2Stream, dump: () => void): void {
  let hasEnded = false
  // One that nobody reads is closed by Node when it is written, unless it is paused.
  stream.pause()
  const timer = setInterval(() => {
    if (hasEnded && !stream.closed) stream.close(NGHTTP2_NO_ERROR)
    // It is not over for Node before all has been read.
    if (stream.closed) {
      stream.resume()
      dump()
    }
    hasEnded = isSent(stream)
  }, LOOK_MS)
  stream.once('close', () => clearInterval(timer))
}

/** Whether a response has been sent to its end. */
export function isSent(stream: ServerHttp2Stream): boolean {
  return stream.writableFinished && stream.state.localClose === 1
}
