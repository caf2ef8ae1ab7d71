import { ConnectionError } from './frames/connection-error.js'
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  SETTING_BYTES,
  Setting
} from './frames/frames.js'

const LARGEST_FRAME_BYTES = 2 ** 24 - 1

/** What a peer is. */
export type Role = 'client' | 'server'

/** The peer's SETTINGS that are used here (RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1). */
export class PeerSettings {
  maxConcurrentStreams = Number.POSITIVE_INFINITY
  initialWindowBytes = DEFAULT_WINDOW_BYTES
  maxFrameBytes = MAX_FRAME_BYTES
  /** Sizes of the dynamic table that the latest frame sets, in their order: even a passing one counts (RFC 7541 section 4.2). */
  tableSizes: number[] = []
  readonly #role: Role
  #connectProtocol = 0
  /** That of the first SETTINGS, which later ones must not change. */
  #noPriorities: number | undefined
  #isFirst = true

  constructor(role: Role) {
    this.#role = role
  }

  /**
   * Applies the payload of a SETTINGS frame.
   * @throws {ConnectionError} if a value is invalid
   */
  apply(payload: Buffer): void {
    if (payload.length % SETTING_BYTES !== 0) throw new ConnectionError('settings', ErrorCode.frameSizeError)
    this.tableSizes = []
    for (let at = 0; at < payload.length; at += SETTING_BYTES)
      this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
    this.#isFirst = false
  }

  #set(setting: number, value: number): void {
    switch (setting) {
      case Setting.headerTableSize:
        this.tableSizes.push(value)
        break
      case Setting.maxConcurrentStreams:
        this.maxConcurrentStreams = value
        break
      case Setting.initialWindowSize:
        if (value > MAX_WINDOW_BYTES) throw new ConnectionError('settings', ErrorCode.flowControlError)
        this.initialWindowBytes = value
        break
      case Setting.maxFrameSize:
        expect(value >= MAX_FRAME_BYTES && value <= LARGEST_FRAME_BYTES)
        this.maxFrameBytes = value
        break
      case Setting.enablePush:
        // A server must not enable it.
        expect(value === 0 || (value === 1 && this.#role === 'client'))
        break
      case Setting.enableConnectProtocol:
        expect(value === 1 || (value === 0 && this.#connectProtocol === 0))
        this.#connectProtocol = value
        break
      case Setting.noRfc7540Priorities:
        expect(value <= 1 && (this.#isFirst || value === (this.#noPriorities ?? 0)))
        this.#noPriorities = value
    }
  }
}

function expect(isValid: boolean): void {
  if (!isValid) throw new ConnectionError('settings')
}
