export const FORMATS = ['json', 'combined'] as const

/** How a line is written. */
export type AccessLogFormat = (typeof FORMATS)[number]

/** Which requests are logged. */
export interface LogSelection {
  /** Whether all requests that went wrong are logged. */
  readonly errors: boolean
  /** Share of the others that is logged, 0 to 1. */
  readonly share: number
}

/** Options of the access log. */
export interface AccessLogConfig extends LogSelection {
  readonly format: AccessLogFormat
  /** Path; empty for standard output. */
  readonly file: string
}
