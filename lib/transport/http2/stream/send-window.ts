import { ErrorCode, MAX_WINDOW_BYTES } from '../../../base/http2/frames/frames.js'
import type { DataSender } from './data-sender.js'

/** A stream whose send window changes. */
interface WindowedStream {
  readonly sender: DataSender | undefined
  readonly hasBody: boolean
  /** Sum of its WINDOW_UPDATEs. */
  grantedBytes: number
  onInvalidFrame(reason: string, errorCode: number): void
}

/**
 * Adds to the send window of a stream. Returns false if it would exceed 2^31-1 (RFC 9113 section 6.9.1).
 * @param initialBytes the window of a stream that nothing was sent on
 */
export function addWindow(stream: WindowedStream, bytes: number, initialBytes: number): boolean {
  const { sender, hasBody, grantedBytes } = stream
  // Behind the end of a body the window does not matter any more.
  if (!sender) return hasBody || initialBytes + grantedBytes + bytes <= MAX_WINDOW_BYTES
  if (!sender.hasRoomFor(bytes)) return false
  sender.addWindow(bytes)
  return true
}

/** WINDOW_UPDATE of a stream. Parameters are those of `addWindow`. */
export function onWindowUpdate(stream: WindowedStream, bytes: number, initialBytes: number): void {
  if (bytes === 0) stream.onInvalidFrame('window', ErrorCode.protocolError)
  else if (!addWindow(stream, bytes, initialBytes))
    stream.onInvalidFrame('window', ErrorCode.flowControlError)
  else stream.grantedBytes += bytes
}
