/** The classes of statuses (RFC 9110 section 15), by their first digit; `none` where there was no answer. */
export const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** Where the class of a status is in `STATUS_CLASSES`; of 0, `none`. A status above 599 counts as one of 5xx. */
export function statusClass(statusCode: number): number {
  return Math.min(Math.floor(statusCode / 100), STATUS_CLASSES.length - 1)
}
