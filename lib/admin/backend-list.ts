import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import { type BackendSpec, type FaultOf, readBackendSpecs, specOf } from '../pool/spec/json-spec.js'

/** What changed when the list was replaced, by address. */
export interface ListChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly reconfigured: readonly string[]
}

/** An operator's orders for a backend, beside its options. */
export interface Orders {
  readonly draining?: boolean
  /** A health that overrides the checks, or `auto` for theirs. */
  readonly health?: 'healthy' | 'unhealthy' | 'auto'
}

/** A backend as it is stored: its options and orders. */
export type StoredBackend = BackendSpec & Orders

/** Options of a backend to change, by name; null removes one. */
export type BackendOptions = Readonly<Record<string, string | number | boolean | null | undefined>>

const BY_HAND = 'set by hand'
/** How long replaced backends serve until one that takes their place has passed a check. */
const HANDOVER_MS = 5000
/** After so long other threads know a backend that was added, unless they are blocked, and then they need none. */
const KNOWN_MS = 500

/**
 * The list of backends, as operators and reloads of the configuration change it. Each change is made completely or not at
 * all, and gives the list another version (its ETag), by which clients notice concurrent changes.
 */
export class BackendList extends EventEmitter<{ changed: []; configured: [readonly BackendConfig[]] }> {
  readonly #registry: Registry
  readonly #faultOf: FaultOf | undefined
  /** So that versions of two processes never match. */
  readonly #run = randomBytes(4).toString('hex')
  #changes = 0
  /** Backends that were taken off the list, and serve until others can. */
  readonly #retiring = new Set<Backend>()
  #handoverMs = 0

  /**
   * @param faultOf further validation of a backend; returns what is wrong, if anything is
   * @param predecessor the list of the same pool until now, whose handover of backends goes on
   */
  constructor(registry: Registry, faultOf?: FaultOf, predecessor?: BackendList) {
    super()
    this.#registry = registry
    this.#faultOf = faultOf
    if (predecessor) this.#continue(predecessor)
    const handOver = () => this.#handOver()
    registry.on('state', handOver).on('tick', handOver)
  }

  /** Differs after each change. */
  get version(): string {
    return `${this.#run}-${this.#changes}`
  }

  /** The list, as `restore` takes it. */
  get stored(): StoredBackend[] {
    return this.#current.map((backend) => ({
      ...specOf(backend.config),
      ...(backend.draining ? { draining: true } : {}),
      ...(backend.forcedHealth === undefined ? {} : { health: backend.forcedHealth })
    }))
  }

  /**
   * Adds a backend.
   * @returns undefined if there is one with this address
   * @throws {SpecError} if the spec is wrong
   */
  add(spec: BackendSpec): Backend | undefined {
    const [config] = readBackendSpecs([spec], this.#faultOf)
    const existing = this.#registry.backendAt(config!.address)
    if (existing && !this.#retiring.has(existing)) return undefined
    if (existing) this.#remove(existing)
    const backend = this.#registry.add(config!)
    this.#changed()
    return backend
  }

  /** Removes a backend. Returns false for the last one, which stays. */
  remove(backend: Backend): boolean {
    if (this.#current.every((other) => other === backend)) return false
    this.#remove(backend)
    this.#changed()
    return true
  }

  /**
   * Changes the options and orders of a backend that are given. An option that is null is removed.
   * @throws {SpecError} if an option is wrong; then nothing has changed
   */
  change(backend: Backend, { draining, health, ...options }: Orders & BackendOptions): void {
    const before = specOf(backend.config)
    const merged = Object.entries({ ...before, ...options, address: before.address })
    const spec = Object.fromEntries(merged.filter(([, value]) => value !== null)) as BackendSpec
    const [config] = readBackendSpecs([spec], this.#faultOf)
    if (!isSame(config!, backend.config)) this.#registry.reconfigure(backend, config!)
    this.#order(backend, { draining, health })
    this.#changed()
  }

  /**
   * Replaces the list. Backends that are in both lists keep their connections, health and counters; all orders end. Removed
   * backends serve until one of the new list can, for a few seconds at most.
   * @param specs at least one
   * @throws {SpecError} if anything is wrong with it; then nothing has changed
   */
  replace(specs: readonly BackendSpec[]): ListChange {
    return this.#replaceBy(readBackendSpecs(specs, this.#faultOf), false)
  }

  /** Replaces the list by the configured one after a reload. Orders stay. */
  configure(configs: readonly BackendConfig[]): ListChange {
    this.emit('configured', configs)
    return this.#replaceBy(configs, true)
  }

  #replaceBy(configs: readonly BackendConfig[], keepOrders: boolean): ListChange {
    const registry = this.#registry
    const change = { added: [] as string[], removed: [] as string[], reconfigured: [] as string[] }
    const wanted = new Map(configs.map((config) => [config.address, config]))
    for (const backend of registry.backends) {
      const config = wanted.get(backend.address)
      if (config?.protocol === backend.config.protocol) {
        wanted.delete(backend.address)
        if (!isSame(config, backend.config)) {
          registry.reconfigure(backend, config)
          change.reconfigured.push(backend.address)
        }
        if (!keepOrders) this.#order(backend, { draining: false, health: 'auto' })
      } else {
        change.removed.push(backend.address)
      }
    }
    this.#retiring.clear()
    for (const address of change.removed) {
      const retiring = registry.backendAt(address)!
      if (wanted.has(address)) this.#remove(retiring)
      else this.#retiring.add(retiring)
    }
    for (const config of wanted.values()) {
      registry.add(config)
      change.added.push(config.address)
    }
    this.#handoverMs = registry.tickMs + HANDOVER_MS
    this.#handOver()
    this.#changed()
    return change
  }

  /**
   * Replaces the list by a stored one, orders included.
   * @throws {SpecError} if anything is wrong with it; then nothing has changed
   */
  restore(stored: readonly StoredBackend[]): void {
    const specs = stored.map(({ draining: _draining, health: _health, ...spec }) => spec as BackendSpec)
    const configs = readBackendSpecs(specs, this.#faultOf)
    this.#replaceBy(configs, false)
    // They have not served yet.
    this.#removeRetiring()
    for (const [index, { address }] of configs.entries())
      this.#order(this.#registry.backendAt(address)!, stored[index]!)
  }

  /** Ends an ejection and forgets what led to it. */
  reset(backend: Backend): void {
    this.#registry.emit('reset', backend)
  }

  #continue(predecessor: BackendList): void {
    for (const { address } of predecessor.#retiring) {
      const backend = this.#registry.backendAt(address)
      if (backend) this.#retiring.add(backend)
    }
    this.#handoverMs = predecessor.#handoverMs
  }

  get #current(): Backend[] {
    return this.#registry.backends.filter((backend) => !this.#retiring.has(backend))
  }

  /** Removes the retiring backends once others can serve, none of them can, or it takes too long. */
  #handOver(): void {
    if (this.#retiring.size === 0) return
    const { counters, tickMs } = this.#registry
    const knownMs = counters.threads === 1 ? tickMs : tickMs - KNOWN_MS
    const canServe = ({ eligible, addedMs }: Backend) => eligible && addedMs <= knownMs
    const isNeeded = [...this.#retiring].some(({ eligible }) => eligible) && !this.#current.some(canServe)
    if (isNeeded && tickMs < this.#handoverMs) return
    this.#removeRetiring()
  }

  #removeRetiring(): void {
    for (const backend of this.#retiring) this.#remove(backend)
  }

  #remove(backend: Backend): void {
    this.#retiring.delete(backend)
    this.#registry.remove(backend)
  }

  #order(backend: Backend, { draining, health }: Orders): void {
    if (draining !== undefined) this.#registry.setDraining(backend, draining, BY_HAND)
    if (health !== undefined) this.#registry.force(backend, health === 'auto' ? undefined : health, BY_HAND)
  }

  #changed(): void {
    this.#changes++
    this.emit('changed')
  }
}

/** Whether two configurations of a backend are equal, however they were written. */
function isSame(a: BackendConfig, b: BackendConfig): boolean {
  return isDeepStrictEqual(specOf(a), specOf(b))
}
