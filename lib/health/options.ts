import type { Field, WantedBody } from '../base/values/check-values.js'
import type { StatusRange } from '../base/values/values.js'

export interface HealthCheckConfig {
  readonly enabled: boolean
  readonly periodMs: number
  /** Period while a backend is unhealthy; 0 for `periodMs`. */
  readonly downPeriodMs: number
  readonly timeoutMs: number
  readonly method: string
  readonly path: string
  /** Host for the `Host` field, and for TLS if it is a name; empty for the backend's own. */
  readonly host: string
  /** Further fields of the request. */
  readonly fields: readonly Field[]
  /** What the body of a healthy answer contains; empty for anything. */
  readonly body: WantedBody
  /** Consecutive passes that make a backend healthy. */
  readonly rise: number
  /** Consecutive failures that make a backend unhealthy. */
  readonly fall: number
  readonly expectedStatus: readonly StatusRange[]
  /** Of the response head. */
  readonly maxHeadBytes: number
}
