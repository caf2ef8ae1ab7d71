/** What a connection tells those who keep it. */
export interface Http2ConnectionCallbacks {
  /** It can carry requests. */
  onReady(): void
  /** It may have room for another request, be idle, or take none any more. */
  onChange(): void
  /** It has taken none of the requests that it was given, or goes away before there were any. */
  onAllRefused(): void
  /** It is lost amid requests, after it had answered others: those that lie idle may be at their end, too. */
  onStale(): void
  /** It is closed; its requests have been told. */
  onClosed(error: Error): void
}
