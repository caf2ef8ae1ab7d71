/** What reply-from is told: that a head is there. Status and fields go by it, from the exchange to the raw reply. */
export type HeadCallback = (
  error: null,
  response: { statusCode: number; headers: object; body: object }
) => void
