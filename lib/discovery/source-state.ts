import type { Registry } from '../pool/registry.js'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import type { FaultOf } from '../pool/spec/json-spec.js'
import type { Member } from './member.js'
import type { Members } from './members.js'
import type { DiscoveryOptions } from './options.js'
import type { Source, SourceListener } from './source.js'
import { createSource } from './spec/kinds.js'
import type { SourceSpec } from './spec/source-spec.js'

/** Length of a reason that is shown: it may hold what a source sent. */
const MAX_REASON = 1000

/** What becomes of a source, as it is shown. */
export interface SourceStatus {
  readonly source: string
  /** Backends that it tells of. */
  readonly members: number
  /** When its members last changed; undefined if they never have. */
  readonly changedAt: Date | undefined
  /** When it last told of its members. */
  readonly toldAt: Date | undefined
  /** Why it cannot tell of them, and since when; undefined while it can. */
  readonly failure: { readonly reason: string; readonly since: Date } | undefined
}

/** Where the members of a source go. */
export interface Destination {
  readonly members: Members
  readonly registry: Registry
  /** Further validation of a backend. */
  readonly faultOf: FaultOf
}

export interface SourceLog {
  info(data: object, message: string): void
  warn(data: object, message: string): void
  error(data: object, message: string): void
}

/** A source of a pool: it is started and stopped, and what it tells goes to the members of the pool. */
export class SourceState implements SourceListener {
  readonly name: string
  readonly #source: Source
  readonly #log: SourceLog
  #destination: Destination
  /** At first those of a source of this name that was configured otherwise. */
  #members: readonly Member[]
  #changedAt: Date | undefined
  #toldAt: Date | undefined
  #failure: SourceStatus['failure']
  /** Until when members are kept that it was told are none. */
  #heldUntilMs = Number.POSITIVE_INFINITY
  #onTold = () => {}
  /** Resolves when it has told of its members for the first time, or has failed to. */
  readonly told = new Promise<void>((resolve) => {
    this.#onTold = resolve
  })

  constructor(spec: SourceSpec, options: DiscoveryOptions, destination: Destination, log: SourceLog) {
    this.name = spec.name
    this.#destination = destination
    this.#log = log
    this.#members = destination.members.of(spec.name)
    const warn = (message: string) => log.warn({ source: spec.name }, `${spec.name}: ${message}`)
    const faultOf = (config: BackendConfig) => this.#destination.faultOf(config)
    this.#source = createSource(spec, { template: spec.template, options, faultOf, listener: this, warn })
  }

  get status(): SourceStatus {
    return {
      source: this.name,
      members: this.#members.length,
      changedAt: this.#changedAt,
      toldAt: this.#toldAt,
      failure: this.#failure
    }
  }

  start(): void {
    this.#source.start()
  }

  stop(): void {
    this.#source.stop()
  }

  /** From now on what it tells goes elsewhere, and what it has told. */
  direct(destination: Destination): void {
    this.#destination = destination
    destination.members.update(this.name, this.#members)
  }

  onMembers(members: readonly Member[]): void {
    this.#toldAt = new Date()
    this.#heldUntilMs = Number.POSITIVE_INFINITY
    if (this.#failure) this.#log.info({ source: this.name }, `${this.name} tells of its members again`)
    this.#failure = undefined
    this.#set(members)
    this.#onTold()
  }

  onFailure(reason: string): void {
    this.#heldUntilMs = Number.POSITIVE_INFINITY
    this.#fail(reason)
  }

  onNone(reason: string, holdMs: number): void {
    const { tickMs } = this.#destination.registry
    this.#heldUntilMs = Math.min(this.#heldUntilMs, tickMs + holdMs)
    this.#fail(reason)
  }

  /** To be called with each tick of the registry: removes members that it was told are none, when that is due. */
  tick(nowMs: number): void {
    if (this.#heldUntilMs === Number.POSITIVE_INFINITY || this.#members.length === 0) return
    const isOver = nowMs >= this.#heldUntilMs
    const { registry } = this.#destination
    const passing = this.#members.filter(
      ({ config }) => !isOver && registry.backendAt(config.address)?.state !== 'unhealthy'
    )
    if (passing.length < this.#members.length) this.#set(passing)
  }

  #fail(text: string): void {
    const reason = text.length > MAX_REASON ? `${text.slice(0, MAX_REASON)}…` : text
    if (this.#failure?.reason !== reason) {
      const kept = this.#members.length > 0 ? `its ${this.#members.length} members are kept` : 'it has none'
      this.#log.error(
        { source: this.name, reason },
        `${this.name} does not tell of its members, ${kept}: ${reason}`
      )
    }
    this.#failure = { reason, since: this.#failure?.since ?? new Date() }
    this.#onTold()
  }

  #set(members: readonly Member[]): void {
    this.#members = members
    const { added, removed, reconfigured } = this.#destination.members.update(this.name, members)
    if (added.length + removed.length + reconfigured.length === 0) return
    this.#changedAt = new Date()
    const counts = `${added.length} join, ${removed.length} leave, ${reconfigured.length} are set up anew`
    this.#log.info({ source: this.name, added, removed, reconfigured }, `${this.name}: ${counts}`)
  }
}
