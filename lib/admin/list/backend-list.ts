import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import type { Override } from '../../discovery/member.js'
import type { MemberChange, Members } from '../../discovery/members.js'
import type { Backend } from '../../pool/backend.js'
import type { Registry } from '../../pool/registry.js'
import type { BackendConfig } from '../../pool/spec/backend-spec.js'
import { type BackendSpec, type FaultOf, readBackendSpecs, specOf } from '../../pool/spec/json-spec.js'
import { discoveredBackend } from '../api-error.js'
import {
  type BackendOptions,
  type Configured,
  definedOf,
  isForAnySource,
  type Orders,
  optionsIn,
  ordersOf,
  overrideOf,
  type StoredList,
  withoutNone
} from './orders.js'

/** The source that is the list. */
export const LIST = 'list'

interface ListEvents {
  changed: []
  configured: [Configured]
  /** An operator has given orders for an address: what is undefined in them ends. */
  ordered: [address: string, order: Override]
}

/**
 * The list of backends, as operators and reloads of the configuration change it, and an operator's orders for all that are
 * in the pool. Each change is made completely or not at all, and gives the list another version (its ETag), by which clients
 * notice concurrent changes. What other sources tell changes no version.
 */
export class BackendList extends EventEmitter<ListEvents> {
  readonly #registry: Registry
  readonly #members: Members
  readonly #faultOf: FaultOf | undefined
  /** So that versions of two processes never match. */
  readonly #run = randomBytes(4).toString('hex')
  #changes = 0

  /** @param faultOf further validation of a backend; returns what is wrong, if anything is */
  constructor(registry: Registry, members: Members, faultOf?: FaultOf) {
    super()
    this.#registry = registry
    this.#members = members
    this.#faultOf = faultOf
  }

  /** Differs after each change. */
  get version(): string {
    return `${this.#run}-${this.#changes}`
  }

  /** The list and the orders, as `restore` takes them. */
  get stored(): StoredList {
    const { overrides } = this.#members
    const backends = this.#list.map((config) => ({
      ...specOf(config),
      ...ordersOf(overrides.get(config.address))
    }))
    const listed = new Set(this.#list.map(({ address }) => address))
    const orders = [...overrides].flatMap(([address, override]) => {
      const { isDraining: _isDraining, health: _health, ...options } = override
      return listed.has(address) ? [] : [{ address, ...options, ...ordersOf(override) }]
    })
    return { backends, orders }
  }

  /**
   * Adds a backend to the list.
   * @returns undefined if there is one with this address
   * @throws {SpecError} if the spec is wrong
   */
  add(spec: BackendSpec): Backend | undefined {
    const [config] = readBackendSpecs([spec], this.#faultOf)
    const existing = this.#registry.backendAt(config!.address)
    if (existing && !this.#members.isLeaving(existing)) return undefined
    this.#setList([...this.#list, config!])
    this.#changed()
    return this.#registry.backendAt(config!.address)
  }

  /**
   * Removes a backend from the list. Returns false for the last one of the pool, which stays.
   * @throws {ApiError} if it is another source that tells of it
   */
  remove(backend: Backend): boolean {
    const { address } = backend
    this.#checkListed(address)
    if (this.#registry.backends.every((other) => other === backend || this.#members.isLeaving(other)))
      return false
    this.#members.override(address, {})
    this.#setList(
      this.#list.filter((config) => config.address !== address),
      true
    )
    this.#changed()
    return true
  }

  /**
   * Changes the options and orders of a backend that are given. An option that is null is removed.
   * @throws {SpecError} if an option is wrong; then nothing has changed
   * @throws {ApiError} if another source tells of it, and an option is not for an operator to set
   */
  change(backend: Backend, { draining, health, ...options }: Orders & BackendOptions): void {
    const { address } = backend
    const isListed = this.#members.sourceOf(address) === LIST
    const { isDraining, health: forced, ...set } = this.#members.overrides.get(address) ?? {}
    const orders = {
      isDraining: draining ?? isDraining ?? false,
      health: health === undefined ? forced : health === 'auto' ? undefined : health
    }
    const kept = Object.entries(set).filter(([name]) => options[name] === undefined)
    let ordered: BackendConfig
    if (isListed) {
      ordered = this.#withOptions(this.#list.find((config) => config.address === address)!, options)
      this.#setList(this.#list.map((config) => (config.address === address ? ordered : config)))
      this.#members.override(address, { ...Object.fromEntries(kept), ...orders })
    } else {
      if (!Object.keys(options).every(isForAnySource)) this.#checkListed(address)
      ordered = this.#withOptions(backend.config, options)
      const chosen = Object.entries(optionsIn(ordered, options)).filter(([, value]) => value !== undefined)
      this.#members.override(address, { ...Object.fromEntries([...kept, ...chosen]), ...orders })
    }
    this.emit('ordered', address, {
      ...optionsIn(ordered, options),
      ...(draining === undefined ? {} : { isDraining: draining }),
      ...(health === undefined ? {} : { health: orders.health })
    } as Override)
    this.#changed()
  }

  /**
   * Replaces the list. Backends that are in both lists keep their connections, health and counters; their orders end.
   * Removed backends serve until one of the new list can, for a few seconds at most.
   * @param specs at least one
   * @throws {SpecError} if anything is wrong with it; then nothing has changed
   */
  replace(specs: readonly BackendSpec[]): MemberChange {
    const configs = readBackendSpecs(specs, this.#faultOf)
    for (const { address } of [...this.#list, ...configs]) this.#members.override(address, {})
    return this.#replaceBy(configs)
  }

  /** Replaces the list by the configured one after a reload. Orders stay. */
  configure(configured: Configured): MemberChange {
    const configs = configured.backends
    this.emit('configured', configured)
    const kept = new Set(configs.map(({ address }) => address))
    const change = this.#replaceBy(configs)
    for (const address of change.removed) if (!kept.has(address)) this.#members.override(address, {})
    return change
  }

  /**
   * Replaces the list by a stored one, orders included.
   * @throws {SpecError} if anything is wrong with it; then nothing has changed
   */
  restore({ backends, orders }: StoredList): void {
    const specs = backends.map(({ draining: _draining, health: _health, ...spec }) => spec as BackendSpec)
    const configs = readBackendSpecs(specs, this.#faultOf)
    // They have not served yet.
    this.#setList(configs, true)
    for (const [index, { address }] of configs.entries())
      this.#members.override(address, overrideOf(backends[index]!))
    for (const { address, weight, max, backup, ...order } of orders)
      this.#members.override(address, { ...definedOf({ weight, max, backup }), ...overrideOf(order) })
    this.#changed()
  }

  /** Does as an operator has told another balancer. */
  order(address: string, override: Override): void {
    const before = this.#members.overrides.get(address)
    if (isDeepStrictEqual(withoutNone(before), withoutNone(override))) return
    this.#members.override(address, override)
    this.#changed()
  }

  /** Ends an ejection and forgets what led to it. */
  reset(backend: Backend): void {
    this.#registry.emit('reset', backend)
  }

  get #list(): BackendConfig[] {
    return this.#members.of(LIST).map(({ config }) => config)
  }

  #setList(configs: readonly BackendConfig[], isUrgent = false): MemberChange {
    return this.#members.update(
      LIST,
      configs.map((config) => ({ config })),
      isUrgent
    )
  }

  #replaceBy(configs: readonly BackendConfig[]): MemberChange {
    const change = this.#setList(configs)
    this.#changed()
    return change
  }

  #withOptions(config: BackendConfig, options: BackendOptions): BackendConfig {
    const before = specOf(config)
    const merged = Object.entries({ ...before, ...options, address: before.address })
    const spec = Object.fromEntries(merged.filter(([, value]) => value !== null)) as BackendSpec
    return readBackendSpecs([spec], this.#faultOf)[0]!
  }

  #checkListed(address: string): void {
    const source = this.#members.sourceOf(address)
    if (source !== LIST && source !== undefined) throw discoveredBackend(source)
  }

  #changed(): void {
    this.#changes++
    this.emit('changed')
  }
}
