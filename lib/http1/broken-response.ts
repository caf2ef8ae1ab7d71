/** A backend sent what is not a valid HTTP/1 response. The message says in a few words what is wrong with it. */
export class BrokenResponse extends Error {
  readonly code = 'LB_BROKEN_RESPONSE'
  constructor(reason: string) {
    super(reason)
    this.name = 'BrokenResponse'
  }
}
