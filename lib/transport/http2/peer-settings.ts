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

/** The backend's SETTINGS that are used here (RFC 9113 section 6.5.2). */
export class PeerSettings {
  maxConcurrentStreams = Number.POSITIVE_INFINITY
  initialWindowBytes = DEFAULT_WINDOW_BYTES
  maxFrameBytes = MAX_FRAME_BYTES

  /**
   * Applies the payload of a SETTINGS frame.
   * @throws {BrokenFrame} if a value is invalid
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
        // A server must not enable it.
        if (value !== 0) throw new BrokenFrame('settings')
    }
  }
}
