import { BrokenFrame } from './frames/broken-frame.js'
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  SETTING_BYTES,
  Setting
} from './frames/frames.js'

const LARGEST_FRAME_BYTES = 2 ** 24 - 1

/** What a backend says of itself (RFC 9113 section 6.5.2), as far as it matters here. */
export class PeerSettings {
  maxConcurrentStreams = Number.POSITIVE_INFINITY
  initialWindowBytes = DEFAULT_WINDOW_BYTES
  maxFrameBytes = MAX_FRAME_BYTES

  /**
   * Takes the payload of a frame of them.
   * @throws {BrokenFrame}
   */
  apply(payload: Buffer): void {
    if (payload.length % SETTING_BYTES !== 0) throw new BrokenFrame('settings', ErrorCode.frameSizeError)
    for (let at = 0; at < payload.length; at += SETTING_BYTES)
      this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
  }

  #set(setting: number, value: number): void {
    switch (setting) {
      case Setting.maxConcurrentStreams:
        this.maxConcurrentStreams = value
        break
      case Setting.initialWindowSize:
        if (value > MAX_WINDOW_BYTES) throw new BrokenFrame('settings', ErrorCode.flowControlError)
        this.initialWindowBytes = value
        break
      case Setting.maxFrameSize:
        if (value < MAX_FRAME_BYTES || value > LARGEST_FRAME_BYTES) throw new BrokenFrame('settings')
        this.maxFrameBytes = value
        break
      case Setting.enablePush:
        // Of a server it makes no sense.
        if (value !== 0) throw new BrokenFrame('settings')
    }
  }
}
