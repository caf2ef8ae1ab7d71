/** The events of a connection, for the pool that holds it. */
export interface Http2ConnectionCallbacks {
  /** The backend's SETTINGS have arrived: requests can be sent. */
  onReady(): void
  /** Its room for requests has changed: it may be idle, or take no more. */
  onChange(): void
  /** The backend has processed none of its requests, or closes it before there were any. */
  onAllRefused(): void
  /** It was lost during requests, after it had answered others: the backend may have closed idle ones as well. */
  onStale(): void
  /** It is closed, and the handlers of its requests were called. */
  onClosed(error: Error): void
}
