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

/** What keeps a healthy backend out, or lets it in again, beside its state. */
export interface RotationChange {
  readonly backend: Backend
  readonly kind: 'ejected' | 'returned' | 'draining' | 'drain ended'
  readonly reason: string
}

/** What the registry tells, by event. */
export interface RegistryEvents {
  /** A backend has joined. */
  added: [Backend]
  /** A backend has left: it is given nothing more, and may still have requests. */
  removed: [Backend]
  /** What is said of a backend has changed. */
  reconfigured: [Backend]
  /** Its health is set by hand, or is not any more. */
  forced: [Backend]
  /** What has been learned of it is to be forgotten. */
  reset: [Backend]
  state: [StateChange]
  failure: [BackendFailure]
  rotation: [RotationChange]
  /** Unhealthy backends are used from now on, or no more. */
  panic: [boolean]
  /** Time has moved to so many milliseconds. */
  tick: [number]
}
