import { errorName } from '../../base/http2/frames/frames.js'

/** The server does not speak HTTP/2. */
export class NotHttp2 extends Error {
  readonly code = 'LB_NOT_HTTP2'
}

/** A connection was established, but the server's SETTINGS did not arrive in time. */
export class SettingsTimeout extends Error {
  readonly code = 'LB_SETTINGS_TIMEOUT'
}

/**
 * A request was not processed: the backend says so (REFUSED_STREAM, GOAWAY), or the request was never written. Any request
 * may then be sent again (RFC 9113 section 8.7).
 */
export class RequestRefused extends Error {
  readonly code = 'LB_REQUEST_REFUSED'
  /** @param ofAll whether the backend has processed no other request of the connection either */
  constructor(readonly ofAll: boolean) {
    super()
  }
}

/** A backend reset a stream. The message is the name of its error code. */
export class StreamReset extends Error {
  readonly code = 'LB_STREAM_RESET'
  constructor(errorCode: number) {
    super(errorName(errorCode))
  }
}

/** A PING was not answered in time. */
export class PingTimeout extends Error {
  readonly code = 'LB_PING_TIMEOUT'
}
