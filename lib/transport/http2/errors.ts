import { errorName } from './frames/frames.js'

/** A server was found, but not one that speaks HTTP/2. */
export class NotHttp2 extends Error {
  readonly code = 'LB_NOT_HTTP2'
}

/** A connection stands, but nothing that a request could be sent by came of it in time. */
export class SettingsTimeout extends Error {
  readonly code = 'LB_SETTINGS_TIMEOUT'
}

/**
 * A backend says that it has not looked at a request, or the request was never written to it: it may be sent again,
 * whatever it is (RFC 9113 section 8.7).
 */
export class RequestRefused extends Error {
  readonly code = 'LB_REQUEST_REFUSED'
  /** @param ofAll whether its connection has taken no other request either */
  constructor(readonly ofAll: boolean) {
    super()
  }
}

/** A backend gave a request up, for a reason that it names in one word. */
export class StreamReset extends Error {
  readonly code = 'LB_STREAM_RESET'
  constructor(errorCode: number) {
    super(errorName(errorCode))
  }
}

/** Nothing has come of a connection for long, not even an answer to a PING. */
export class PingTimeout extends Error {
  readonly code = 'LB_PING_TIMEOUT'
}
