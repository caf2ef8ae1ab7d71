import { BrokenResponse } from '../../http1/broken-response.js'
import { ErrorCode } from './frames.js'

/** A connection error caused by the backend (RFC 9113 section 5.4.1). */
export class BrokenFrame extends BrokenResponse {
  /** For the GOAWAY. */
  readonly errorCode: number
  constructor(reason: string, errorCode: number = ErrorCode.protocolError) {
    super(reason)
    this.errorCode = errorCode
  }
}
