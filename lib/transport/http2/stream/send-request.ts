import type { FrameWriter } from '../../../base/http2/frame-writer.js'
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
  writer.writeBlock(stream.id, encoder.encode(head, neverIndexed), !body)
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
