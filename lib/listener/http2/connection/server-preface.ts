import {
  DEFAULT_WINDOW_BYTES,
  FrameType,
  numberFrame,
  Setting,
  settingsFrame
} from '../../../base/http2/frames/frames.js'
import type { Http2Options } from '../options.js'
import { WINDOW_BYTES } from './receive-window.js'

/** Overhead of each field in the size of a field section (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32

/** The connection preface of a server (RFC 9113 section 3.4): its SETTINGS, and the window of the connection. */
export function serverPreface({ maxStreams, windowBytes, maxHeadBytes, maxFields }: Http2Options): Buffer {
  return Buffer.concat([
    settingsFrame([
      [Setting.maxConcurrentStreams, maxStreams],
      [Setting.initialWindowSize, windowBytes],
      [Setting.maxHeaderListSize, maxHeadBytes + FIELD_OVERHEAD_BYTES * maxFields],
      [Setting.enableConnectProtocol, 1],
      [Setting.noRfc7540Priorities, 1]
    ]),
    numberFrame(FrameType.windowUpdate, 0, WINDOW_BYTES - DEFAULT_WINDOW_BYTES)
  ])
}
