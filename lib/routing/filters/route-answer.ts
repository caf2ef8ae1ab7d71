/** An answer that a route gives in place of a backend. */
export interface RouteAnswer {
  readonly statusCode: number
  /** Names and values in turn. */
  readonly fields: readonly string[]
  /** One character a byte; undefined for an answer without a body. */
  readonly body: string | undefined
}
