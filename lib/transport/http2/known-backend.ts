import { ConnectPace } from './connect-pace.js'
import { RequestLimit } from './request-limit.js'

/** What all connections to one backend know of it, whoever they are for. */
export class KnownBackend {
  readonly limit = new RequestLimit()
  readonly pace = new ConnectPace()
}
