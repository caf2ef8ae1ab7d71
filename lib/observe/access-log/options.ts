export const FORMATS = ['json', 'combined'] as const

/** How a line is written. */
export type AccessLogFormat = (typeof FORMATS)[number]

/** Which requests have a line. */
export interface LogSelection {
  /** Those that went wrong, all of them. */
  readonly errors: boolean
  /** Of the others, 0 to 1. */
  readonly share: number
}

export interface AccessLogConfig extends LogSelection {
  readonly format: AccessLogFormat
  /** Empty for standard output. */
  readonly file: string
}
