/** The callback of reply-from. Status and fields do not pass through it, but go from the exchange to the raw reply. */
export type HeadCallback = (error: null, response: typeof RESPONSE) => void

/** The same for every response: reply-from needs no more, and destroys the body if the client has left. */
const RESPONSE = Object.freeze({ statusCode: 200, headers: Object.freeze({}), body: { destroy() {} } })

/** There is a head, or a failure. */
export function announceOutcome(callback: HeadCallback): void {
  callback(null, RESPONSE)
}
