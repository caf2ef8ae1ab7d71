import type { FrameWriter } from '../../../base/http2/frame-writer.js'
import { Flag, FRAME_HEAD_BYTES, FrameType, writeFrameHead } from '../../../base/http2/frames/frames.js'
import type { RequestEncoder } from '../../../base/http2/hpack/request-encoder.js'
import type { OutgoingRequest, ResponseHandler } from '../../backend-stream.js'
import { DataSender } from './data-sender.js'
import type { Stream } from './stream.js'

/**
 * Sends a request on a stream: its head, then the body.
 * @param window initial send window of the stream
 */
export function sendRequest(
  stream: Stream,
  request: OutgoingRequest,
  handler: ResponseHandler,
  writer: FrameWriter,
  encoder: RequestEncoder,
  window: number
): void {
  const { head, body, retryBuffer, neverIndexed } = request
  // What is encoded is written: the backend's table learns from it.
  writer.write(headersFrames(stream.id, encoder.encode(head, neverIndexed), !body, writer.maxFrameBytes))
  if (!body) {
    handler.onSent()
    return
  }
  stream.sender = new DataSender(stream, body, retryBuffer, writer, window, handler, () => {
    stream.sender = undefined
    handler.onSent()
  })
  stream.sender.start()
}

/** The frames of a field block: HEADERS, and CONTINUATION for what exceeds the frame size. */
export function headersFrames(
  streamId: number,
  block: Buffer,
  isEnd: boolean,
  maxFrameBytes: number
): Buffer {
  const count = Math.max(1, Math.ceil(block.length / maxFrameBytes))
  const frames = Buffer.allocUnsafe(count * FRAME_HEAD_BYTES + block.length)
  let at = 0
  for (let i = 0; i < count; i++) {
    const from = i * maxFrameBytes
    const length = Math.min(maxFrameBytes, block.length - from)
    const flags = (isEnd && i === 0 ? Flag.endStream : 0) | (i === count - 1 ? Flag.endHeaders : 0)
    const type = i === 0 ? FrameType.headers : FrameType.continuation
    writeFrameHead(frames.subarray(at), length, type, flags, streamId)
    at += FRAME_HEAD_BYTES
    at += block.copy(frames, at, from, from + length)
  }
  return frames
}
