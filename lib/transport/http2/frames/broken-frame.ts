import { BrokenResponse } from '../../http1/broken-response.js'
import { ErrorCode } from './frames.js'

/** A backend sent what makes its connection useless (RFC 9113 section 5.4.1). */
export class BrokenFrame extends BrokenResponse {
  /** What the backend is told. */
  readonly errorCode: number
  constructor(reason: string, errorCode: number = ErrorCode.protocolError) {
    super(reason)
    this.errorCode = errorCode
  }
}
