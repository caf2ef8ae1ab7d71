/** How reply-from is told that a head is there. Status and fields go by it, from the exchange to the raw reply. */
export type HeadCallback = (error: null, response: typeof RESPONSE) => void

/** Whatever the response: reply-from looks at nothing else, and destroys the body if the client has left by then. */
const RESPONSE = Object.freeze({ statusCode: 200, headers: Object.freeze({}), body: { destroy() {} } })

export function announceHead(callback: HeadCallback): void {
  callback(null, RESPONSE)
}
