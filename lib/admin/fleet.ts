import { EventEmitter } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import type { Backend } from '../backend.js'
import type { BackendConfig } from '../config/backends.js'
import type { Registry } from '../registry.js'
import { type BackendSpec, backendsOf, specOf } from './backend-spec.js'

/** What changed when a list of backends replaced another; addresses. */
export interface FleetChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly reconfigured: readonly string[]
}

/** What an operator may say of a backend beside its options. */
export interface Orders {
  readonly draining?: boolean
  /** A health that no check changes, or `auto` for what the checks say. */
  readonly health?: 'healthy' | 'unhealthy' | 'auto'
}

/** A backend of the list, as it is stored: its options and the orders that hold. */
export type StoredBackend = BackendSpec & Orders

const BY_HAND = 'set by hand'

/**
 * What operators do to the backends. Each change is made whole or not at all, and gives the list another version, by
 * which one can tell that somebody else has changed it meanwhile.
 */
export class Fleet extends EventEmitter<{ changed: [] }> {
  readonly #registry: Registry
  #version = 1

  constructor(registry: Registry) {
    super()
    this.#registry = registry
  }

  /** Another number after each change. */
  get version(): number {
    return this.#version
  }

  /** The list, as `restore` takes it. */
  get stored(): StoredBackend[] {
    return this.#registry.backends.map((backend) => ({
      ...specOf(backend.config),
      ...(backend.draining ? { draining: true } : {}),
      ...(backend.forcedHealth === undefined ? {} : { health: backend.forcedHealth })
    }))
  }

  /**
   * Takes a backend in.
   * @throws {SpecError} if the spec is wrong
   * @throws {Error} if one with its address is there
   */
  add(spec: BackendSpec): Backend {
    const [config] = backendsOf([spec])
    const backend = this.#registry.add(config!)
    this.#changed()
    return backend
  }

  remove(backend: Backend): void {
    this.#registry.remove(backend)
    this.#changed()
  }

  /**
   * Changes options of a backend, those that are given, and gives orders.
   * @throws {SpecError} if an option is wrong; then nothing has changed
   */
  change(backend: Backend, { draining, health, ...options }: Orders & Record<string, unknown>): void {
    const spec = { ...specOf(backend.config), ...options } as BackendSpec
    const [config] = backendsOf([spec])
    if (!isDeepStrictEqual(config, backend.config)) this.#registry.reconfigure(backend, config!)
    this.#order(backend, { draining, health } as Orders)
    this.#changed()
  }

  /**
   * Makes the list as it is given. What is in both keeps its connections, health and counters; all orders end.
   * @throws {SpecError} if anything is wrong with it; then nothing has changed
   */
  replace(specs: readonly BackendSpec[]): FleetChange {
    return this.replaceBy(backendsOf(specs))
  }

  /** The same with backends that were read already. */
  replaceBy(configs: readonly BackendConfig[]): FleetChange {
    const registry = this.#registry
    const change = { added: [] as string[], removed: [] as string[], reconfigured: [] as string[] }
    for (const backend of registry.backends) {
      const config = configs.find(({ address }) => address === backend.address)
      if (config && config.protocol === backend.config.protocol) {
        if (!isDeepStrictEqual(config, backend.config)) {
          registry.reconfigure(backend, config)
          change.reconfigured.push(backend.address)
        }
        this.#order(backend, { draining: false, health: 'auto' })
      } else {
        registry.remove(backend)
        change.removed.push(backend.address)
      }
    }
    for (const config of configs) {
      if (registry.backendAt(config.address)) continue
      registry.add(config)
      change.added.push(config.address)
    }
    this.#changed()
    return change
  }

  /**
   * Makes the list as it was stored, orders included.
   * @throws {SpecError} if anything is wrong with it; then nothing has changed
   */
  restore(stored: readonly StoredBackend[]): void {
    const specs = stored.map(({ draining: _draining, health: _health, ...spec }) => spec as BackendSpec)
    const configs = backendsOf(specs)
    this.replaceBy(configs)
    for (const [index, { address }] of configs.entries())
      this.#order(this.#registry.backendAt(address)!, stored[index]!)
  }

  /** Ends an ejection and forgets what led to it. */
  reset(backend: Backend): void {
    this.#registry.emit('reset', backend)
  }

  #order(backend: Backend, { draining, health }: Orders): void {
    if (draining !== undefined) this.#registry.setDraining(backend, draining, BY_HAND)
    if (health !== undefined) this.#registry.force(backend, health === 'auto' ? undefined : health, BY_HAND)
  }

  #changed(): void {
    this.#version++
    this.emit('changed')
  }
}
