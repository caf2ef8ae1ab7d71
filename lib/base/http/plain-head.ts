import type { IncomingMessage } from 'node:http'

/**
 * What is known beforehand of a request whose head was read by the lane (`lib/listener/http1/lane/`), and which has no
 * field that is treated in any way but passed on or left out.
 */
export interface PlainHead {
  /** The fields to pass on, each a line with its CRLF, as they came. */
  readonly plainLines: string
  readonly hasBody: boolean
  /** The value of its one `Host`. */
  readonly plainHost: string
  /** The value of its `X-Request-Id`; empty without one. */
  readonly givenId: string
}

/** The plain head of a request; undefined if its fields have to be looked at one by one. */
export function plainHeadOf(req: IncomingMessage): PlainHead | undefined {
  return (req as Partial<PlainHead>).plainLines === undefined ? undefined : (req as unknown as PlainHead)
}
