import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import { type BackendSpec, type FaultOf, readBackendSpecs, specOf } from '../pool/spec/json-spec.js'

/** What changed when a list of backends replaced another; addresses. */
export interface ListChange {
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

/** Options of a backend by their names, to change; null takes one away. */
export type BackendOptions = Readonly<Record<string, string | number | boolean | null | undefined>>

const BY_HAND = 'set by hand'
/** How long backends that are replaced stay for those that take their place to pass a check. */
const HANDOVER_MS = 5000

/**
 * What operators do to the backends. Each change is made whole or not at all, and gives the list another version, by
 * which one can tell that somebody else has changed it meanwhile.
 */
export class BackendList extends EventEmitter<{ changed: []; configured: [readonly BackendConfig[]] }> {
  readonly #registry: Registry
  readonly #faultOf: FaultOf | undefined
  /** No version of another process is one of this. */
  readonly #run = randomBytes(4).toString('hex')
  #changes = 0
  /** They are of the list no more, and serve until others can. */
  readonly #leaving = new Set<Backend>()
  #handoverMs = 0

  /** @param faultOf what else would be wrong with a backend */
  constructor(registry: Registry, faultOf?: FaultOf) {
    super()
    this.#registry = registry
    this.#faultOf = faultOf
    const handOver = () => this.#handOver()
    registry.on('state', handOver).on('tick', handOver)
  }

  /** Another one after each change. */
  get version(): string {
    return `${this.#run}-${this.#changes}`
  }

  /** The list, as `restore` takes it. */
  get stored(): StoredBackend[] {
    return this.#staying.map((backend) => ({
      ...specOf(backend.config),
      ...(backend.draining ? { draining: true } : {}),
      ...(backend.forcedHealth === undefined ? {} : { health: backend.forcedHealth })
    }))
  }

  /**
   * Takes a backend in, if none has its address.
   * @throws {SpecError} if the spec is wrong
   */
  add(spec: BackendSpec): Backend | undefined {
    const [config] = readBackendSpecs([spec], this.#faultOf)
    const there = this.#registry.backendAt(config!.address)
    if (there && !this.#leaving.has(there)) return undefined
    if (there) this.#letGo(there)
    const backend = this.#registry.add(config!)
    this.#changed()
    return backend
  }

  /** Lets a backend go; the last one stays, as there must be one. Returns whether it has left. */
  remove(backend: Backend): boolean {
    if (this.#staying.every((other) => other === backend)) return false
    this.#letGo(backend)
    this.#changed()
    return true
  }

  /**
   * Changes options of a backend, those that are given, and gives orders. An option that is null is one that is not
   * given any more.
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
   * Makes the list as it is given, with at least one. What is in both keeps its connections, health and counters; all
   * orders end. While nothing of the new list can be used, what leaves is, for a few seconds at most.
   * @throws {SpecError} if anything is wrong with it; then nothing has changed
   */
  replace(specs: readonly BackendSpec[]): ListChange {
    return this.#replaceBy(readBackendSpecs(specs, this.#faultOf), false)
  }

  /**
   * Makes the list as the configuration has it by now. It says nothing of orders, which stay as they are, and is what
   * the list starts from at the next start.
   */
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
    this.#leaving.clear()
    for (const address of change.removed) {
      const leaving = registry.backendAt(address)!
      if (wanted.has(address)) this.#letGo(leaving)
      else this.#leaving.add(leaving)
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
   * Makes the list as it was stored, orders included.
   * @throws {SpecError} if anything is wrong with it; then nothing has changed
   */
  restore(stored: readonly StoredBackend[]): void {
    const specs = stored.map(({ draining: _draining, health: _health, ...spec }) => spec as BackendSpec)
    const configs = readBackendSpecs(specs, this.#faultOf)
    this.#replaceBy(configs, false)
    for (const [index, { address }] of configs.entries())
      this.#order(this.#registry.backendAt(address)!, stored[index]!)
  }

  /** Ends an ejection and forgets what led to it. */
  reset(backend: Backend): void {
    this.#registry.emit('reset', backend)
  }

  get #staying(): Backend[] {
    return this.#registry.backends.filter((backend) => !this.#leaving.has(backend))
  }

  /** Lets those go that leave, when others are there, or it makes no difference, or it takes too long. */
  #handOver(): void {
    if (this.#leaving.size === 0) return
    const isNeeded = [...this.#leaving].some(isEligible) && !this.#staying.some(isEligible)
    if (isNeeded && this.#registry.tickMs < this.#handoverMs) return
    for (const backend of this.#leaving) this.#letGo(backend)
  }

  #letGo(backend: Backend): void {
    this.#leaving.delete(backend)
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

const isEligible = ({ eligible }: Backend) => eligible

/** Whether two configurations of one backend mean the same, however they were written. */
function isSame(a: BackendConfig, b: BackendConfig): boolean {
  return isDeepStrictEqual(specOf(a), specOf(b))
}
