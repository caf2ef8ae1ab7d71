import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'

/** How long replaced backends serve until one that takes their place has passed a check. */
const HANDOVER_MS = 5000
/** After so long other threads know a backend that was added, unless they are blocked, and then they need none. */
const KNOWN_MS = 500

/** Backends that are members no more, and serve until others can. */
export class Handover {
  readonly #registry: Registry
  readonly #leaving = new Set<Backend>()
  #untilMs = 0

  /** @param predecessor that of the same pool until now, which goes on here */
  constructor(registry: Registry, predecessor?: Handover) {
    this.#registry = registry
    if (predecessor) this.#continue(predecessor)
    const check = () => this.check()
    registry.on('state', check).on('tick', check)
  }

  has(backend: Backend): boolean {
    return this.#leaving.has(backend)
  }

  /** Has backends leave when they are not needed any more; to be followed by `check`. */
  begin(backends: readonly Backend[]): void {
    for (const backend of backends) this.#leaving.add(backend)
    if (backends.length > 0) this.#untilMs = this.#registry.tickMs + HANDOVER_MS
  }

  /** It is a member again, or is removed at once. */
  end(backend: Backend): void {
    this.#leaving.delete(backend)
  }

  /** Removes them once others can serve, none of them can, or it takes too long. */
  check(): void {
    if (this.#leaving.size === 0) return
    const { tickMs, backends } = this.#registry
    if (tickMs < this.#untilMs && this.#isNeeded(backends)) return
    this.finish()
  }

  /** Removes them at once. */
  finish(): void {
    const leaving = [...this.#leaving]
    this.#leaving.clear()
    this.#registry.update([], leaving)
  }

  #continue(predecessor: Handover): void {
    for (const { address } of predecessor.#leaving) {
      const backend = this.#registry.backendAt(address)
      if (backend) this.#leaving.add(backend)
    }
    this.#untilMs = predecessor.#untilMs
  }

  #isNeeded(backends: readonly Backend[]): boolean {
    const { counters, tickMs } = this.#registry
    const knownMs = counters.threads === 1 ? tickMs : tickMs - KNOWN_MS
    const canTakeOver = (backend: Backend) =>
      backend.eligible && backend.addedMs <= knownMs && !this.#leaving.has(backend)
    return [...this.#leaving].some(({ eligible }) => eligible) && !backends.some(canTakeOver)
  }
}
