/** A backend sent what is not a valid HTTP/1 response. The message says in a few words what is wrong with it. */
export class BrokenResponse extends Error {
  readonly code = 'LB_BROKEN_RESPONSE'

  /** @param inTrailers whether head and body have come whole, and only what follows them is broken */
  constructor(
    reason: string,
    readonly inTrailers = false
  ) {
    super(reason)
    this.name = 'BrokenResponse'
  }
}

export const HEAD_TOO_LARGE = 'head too large: see LB_MAX_RESPONSE_HEADER_SIZE'

/** The head of a response, an interim one, or its trailers are larger than may be. */
export class HeadTooLarge extends BrokenResponse {
  constructor(inTrailers: boolean) {
    super(HEAD_TOO_LARGE, inTrailers)
  }
}
