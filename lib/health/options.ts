import type { Field, WantedBody } from '../base/values/check-values.js'
import type { StatusRange } from '../base/values/values.js'

export interface HealthCheckConfig {
  readonly enabled: boolean
  readonly periodMs: number
  /** Of a backend that is unhealthy; 0 for the same as of others. */
  readonly downPeriodMs: number
  readonly timeoutMs: number
  readonly method: string
  readonly path: string
  /** Of the `Host` field, and of TLS where it is a name; empty for the backend's own. */
  readonly host: string
  /** Further fields of the request. */
  readonly fields: readonly Field[]
  /** What the body of a healthy answer has in it; empty for anything. */
  readonly body: WantedBody
  /** Consecutive passes that bring a backend back. */
  readonly rise: number
  /** Consecutive failures that take a backend out. */
  readonly fall: number
  readonly expectedStatus: readonly StatusRange[]
  /** Of an answer. */
  readonly maxHeadBytes: number
}
