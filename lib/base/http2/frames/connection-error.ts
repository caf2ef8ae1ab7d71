import { ErrorCode } from './frames.js'

/** What the other side sent is a connection error (RFC 9113 section 5.4.1). The message says in a few words what is wrong. */
export class ConnectionError extends Error {
  readonly code = 'LB_HTTP2_ERROR'
  /** For the GOAWAY. */
  readonly errorCode: number

  constructor(reason: string, errorCode: number = ErrorCode.protocolError) {
    super(reason)
    this.name = 'ConnectionError'
    this.errorCode = errorCode
  }
}
