import { type Backend, type BackendState, WEIGHT_UNIT } from '../../lib/pool/backend.js'
import { TICK_MS, type World } from './world.js'

const SLOWEST_SHARE = 0.1

/** What must be true of the weights of backends that come back. */
export class SlowStarts {
  readonly #world: World
  readonly #demand: (isTrue: boolean, otherwise: () => string) => void
  readonly #returnedMs = new Map<Backend, number>()
  /** The weights of the last look. */
  readonly #effective = new Map<Backend, number>()

  /** @param demand tells what is broken */
  constructor(world: World, demand: (isTrue: boolean, otherwise: () => string) => void) {
    this.#world = world
    this.#demand = demand
  }

  /**
   * To be called at each change of what is eligible.
   * @param wasEligible before it
   * @param from the state that a backend had, if that changed: what was new before is not back from anything
   */
  noteChange(wasEligible: readonly boolean[], from: BackendState | undefined): void {
    const { registry, nowMs, setting } = this.#world
    const { slowStartMs } = setting.config.resilience
    for (const backend of registry.backends) {
      const { id, eligible, address } = backend
      if (wasEligible[id] !== eligible) this.#effective.delete(backend)
      if (wasEligible[id] || !eligible || !isSound(backend) || from === 'checking') continue
      this.#returnedMs.set(backend, nowMs)
      const share = shareOf(backend)
      this.#demand(slowStartMs === 0 || share === SLOWEST_SHARE, () => `${address} comes back with ${share}`)
    }
  }

  /** To be called after each event. */
  check(backend: Backend): void {
    const { effectiveWeight, address } = backend
    const share = shareOf(backend)
    this.#demand(share >= SLOWEST_SHARE && share <= 1, () => `${address} has ${share} of its weight`)
    this.#demand(
      effectiveWeight >= (this.#effective.get(backend) ?? 0),
      () => `the weight of ${address} falls`
    )
    this.#effective.set(backend, effectiveWeight)
    const { slowStartMs } = this.#world.setting.config.resilience
    const sinceMs = this.#world.nowMs - (this.#returnedMs.get(backend) ?? Number.NEGATIVE_INFINITY)
    this.#demand(sinceMs < slowStartMs + TICK_MS || share === 1, () => `${address} starts slowly for ever`)
  }
}

/** Whether nothing is known against a backend. */
export function isSound({ state, ejected, draining }: Backend): boolean {
  return state === 'healthy' && !ejected && !draining
}

function shareOf({ effectiveWeight, weight }: Backend): number {
  return effectiveWeight / (weight * WEIGHT_UNIT)
}
