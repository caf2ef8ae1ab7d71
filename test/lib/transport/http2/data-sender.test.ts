import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { FrameWriter } from '../../../../lib/base/http2/frame-writer.js'
import { DataSender } from '../../../../lib/transport/http2/stream/data-sender.js'
import { RetryBuffer } from '../../../../lib/transport/retry-buffer.js'
import { Flag, frame, Type } from '../../../support/http2-frames.js'

const WINDOW_BYTES = 100

/** What is sent of a body, and how often that was said to be all. */
function sending(body: PassThrough, kept: RetryBuffer) {
  const socket = new PassThrough()
  const counts = { done: 0 }
  const sender = new DataSender(
    { id: 1, sendTrailers: () => {} },
    body as unknown as IncomingMessage,
    kept,
    new FrameWriter(socket as unknown as Socket),
    WINDOW_BYTES,
    { onBodySent: () => {} },
    () => void counts.done++
  )
  return { sender, socket, counts }
}

t.test(
  'a body that ended after one attempt was left, and before the next began, is sent to its end',
  async (t) => {
    const body = Object.assign(new PassThrough(), { rawTrailers: [] })
    const kept = new RetryBuffer(WINDOW_BYTES)
    const first = sending(body, kept)
    first.sender.start()
    body.write('hello')
    await turn()
    first.sender.stop()
    body.end().resume()
    await once(body, 'end')
    const { sender, socket, counts } = sending(body, kept)
    sender.start()
    await turn()
    t.same(
      socket.read(),
      Buffer.concat([frame(Type.data, 0, 1, 'hello'), frame(Type.data, Flag.endStream, 1)])
    )
    t.equal(counts.done, 1)
  }
)
