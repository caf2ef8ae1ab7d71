import { ConnectThrottle } from './connect-throttle.js'
import { RequestLimit } from './request-limit.js'

/** Limits of a backend that its pools share, as each client has its own with the PROXY protocol. */
export class BackendLimits {
  readonly requests = new RequestLimit()
  readonly throttle = new ConnectThrottle()
}
