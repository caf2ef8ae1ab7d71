/** Takes the body of a request that comes by a stream. */
export interface BodyReader {
  /**
   * Takes a part, in memory that lasts for the call. Returns whether more is wanted now; otherwise `resumeBody` of the
   * stream says when.
   */
  onBody(part: Buffer): boolean
  /** @param trailers names and values in turn */
  onBodyEnd(trailers: readonly string[]): void
  /** Nothing more will come: the stream was reset, or the connection is lost. */
  onAborted(): void
  /** Nothing has come for the time of `limitPause`. */
  onPause(): void
}
