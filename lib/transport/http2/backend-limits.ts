import { ConnectThrottle } from './connect-throttle.js'
import { RequestLimit } from './request-limit.js'

/** What all connections to one backend know of it, whoever they are for. */
export class BackendLimits {
  readonly requests = new RequestLimit()
  readonly throttle = new ConnectThrottle()
}
