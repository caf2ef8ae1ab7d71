/** A connection ended before the response was complete, or was closed here. */
export class ConnectionClosed extends Error {
  readonly code = 'LB_CONNECTION_CLOSED'
}
