import { LEASES } from './leases.js'
import type { DiscoveryOptions } from './options.js'
import { type Destination, type SourceLog, SourceState, type SourceStatus } from './source-state.js'
import type { SourceSpec } from './spec/source-spec.js'

/** What a pool is configured with. */
interface DiscoveryConfig {
  readonly sources: readonly SourceSpec[]
  readonly discovery: DiscoveryOptions
}

/** The sources of a pool beside its list. */
export class Sources {
  readonly #destination: Destination
  readonly #log: SourceLog
  readonly #onTick = (nowMs: number) => {
    for (const source of this.#states.values()) source.tick(nowMs)
  }
  readonly #first: string
  #states: ReadonlyMap<string, SourceState> = new Map()
  #specs: readonly SourceSpec[]
  readonly #options: DiscoveryOptions
  #isStarted = false

  /** @param first the name of the list, which comes before them */
  constructor(
    first: string,
    { sources, discovery }: DiscoveryConfig,
    destination: Destination,
    log: SourceLog
  ) {
    this.#first = first
    this.#specs = sources
    this.#options = discovery
    this.#destination = destination
    this.#log = log
  }

  /** Of each, in their order. */
  get status(): SourceStatus[] {
    return [...this.#states.values()].map(({ status }) => status)
  }

  /**
   * Starts them.
   * @param predecessor those of the same pool until now: what both have goes on here
   */
  start(predecessor?: Sources): void {
    this.#isStarted = true
    this.#destination.registry.on('tick', this.#onTick)
    const given = predecessor?.handOver() ?? new Map()
    this.#states = this.#createdFrom(given)
  }

  /** Resolves when each has told of its members, or failed to. */
  async told(): Promise<void> {
    await Promise.all([...this.#states.values()].map(({ told }) => told))
  }

  /** Replaces them after a reload: those that are the same go on. */
  configure(specs: readonly SourceSpec[]): void {
    this.#specs = specs
    if (this.#isStarted) this.#states = this.#createdFrom(this.#states)
  }

  stop(): void {
    for (const source of this.handOver().values()) source.stop()
  }

  /** Gives them away as they are. */
  handOver(): ReadonlyMap<string, SourceState> {
    const states = this.#states
    this.#states = new Map()
    this.#isStarted = false
    this.#destination.registry.off('tick', this.#onTick)
    return states
  }

  #createdFrom(before: ReadonlyMap<string, SourceState>): ReadonlyMap<string, SourceState> {
    const { members } = this.#destination
    const next = new Map<string, SourceState>()
    const started = new Set<SourceState>()
    for (const spec of this.#specs) {
      const same = before.get(this.#keyOf(spec))
      const state = same ?? new SourceState(spec, this.#options, this.#destination, this.#log)
      if (!same) started.add(state)
      next.set(this.#keyOf(spec), state)
    }
    for (const [key, state] of before) if (!next.has(key)) state.stop()
    members.arrange([this.#first, ...[...next.values()].map(({ name }) => name), LEASES])
    for (const state of next.values())
      if (started.has(state)) state.start()
      else state.direct(this.#destination)
    return next
  }

  /** What makes a source another one. */
  #keyOf(spec: SourceSpec): string {
    return JSON.stringify([spec, this.#options])
  }
}
