/** A backend sent an invalid response. The message says in a few words what is wrong with it. */
export class BrokenResponse extends Error {
  readonly code = 'LB_BROKEN_RESPONSE'

  /** @param inTrailers whether head and body are complete, and only the trailers are invalid */
  constructor(
    reason: string,
    readonly inTrailers = false
  ) {
    super(reason)
    this.name = 'BrokenResponse'
  }
}

export const HEAD_TOO_LARGE = 'head too large: see LB_MAX_RESPONSE_HEADER_SIZE'

/** The head of a response, final or interim, or its trailers exceed the limit. */
export class HeadTooLarge extends BrokenResponse {
  constructor(inTrailers: boolean) {
    super(HEAD_TOO_LARGE, inTrailers)
  }
}
