import type { Backend, BackendState } from './backend.js'

/** A backend changed state. */
export interface StateChange {
  readonly backend: Backend
  readonly from: BackendState
  readonly to: BackendState
  readonly reason: string
}

/** An attempt at a backend failed. */
export interface BackendFailure {
  readonly backend: Backend
  /** Such as `LB_BACKEND_REFUSED`. */
  readonly code: string
  readonly detail: string
}

/** A backend was taken out of rotation, or put back, for another reason than its state of health. */
export interface RotationChange {
  readonly backend: Backend
  readonly kind: 'ejected' | 'returned' | 'draining' | 'drain ended' | 'terminating' | 'terminating ended'
  readonly reason: string
}

/** The registry's events. */
export interface RegistryEvents {
  /** A backend was added. */
  added: [Backend]
  /** A backend was removed. It may still have requests in flight. */
  removed: [Backend]
  /** Backends were added and removed, as one change: once, after the events of each. */
  members: []
  /** The configuration of a backend has changed. */
  reconfigured: [Backend]
  /** An operator has forced a backend's health, or has ended that. */
  forced: [Backend]
  /** What was learned about a backend is to be discarded. */
  reset: [Backend]
  state: [StateChange]
  failure: [BackendFailure]
  rotation: [RotationChange]
  /** Panic mode has begun (unhealthy backends are eligible), or has ended. */
  panic: [boolean]
  /** Another one has taken its place, or none: it only ends the requests that it has. */
  retired: []
  /** Every few dozen milliseconds, with the time of a monotonic clock. */
  tick: [number]
}
