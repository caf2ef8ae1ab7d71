import { isDeepStrictEqual } from 'node:util'
import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import { specOf } from '../pool/spec/json-spec.js'
import { Handover } from './handover.js'
import { configOf, type Member, type Override } from './member.js'

/** What a change of its members has done to a pool, by address. */
export interface MemberChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly reconfigured: readonly string[]
}

type MemberSet = ReadonlyMap<string, Member>

const NONE: MemberSet = new Map()
const BY_HAND = 'set by hand'
const BY_SOURCE = 'its source says so'

/**
 * The members of a pool: the union of what its sources tell, each of which replaces only its own. Of an address that
 * several tell of, the options are those of the first source.
 */
export class Members {
  readonly #registry: Registry
  readonly #handover: Handover
  /** By the name of the source, the first source first. */
  #sets: ReadonlyMap<string, MemberSet>
  /** By address. */
  readonly #overrides: Map<string, Override>

  /**
   * @param list the name of the source whose members are those that the registry has
   * @param predecessor those of the same pool until now, with which it goes on instead
   */
  constructor(registry: Registry, list: string, predecessor?: Members) {
    this.#registry = registry
    this.#handover = new Handover(registry, predecessor ? predecessor.#handover : undefined)
    this.#overrides = new Map(predecessor ? predecessor.#overrides : [])
    const present = registry.backends.map(({ config }) => ({ config }))
    this.#sets = predecessor ? predecessor.#sets : new Map([[list, setOf(present)]])
    for (const backend of registry.backends) backend.source = this.sourceOf(backend.address) ?? ''
  }

  /** Sets which sources there are, and their order. What others told is forgotten. */
  arrange(sources: readonly string[]): MemberChange {
    const before = this.#sets
    this.#sets = new Map(sources.map((source) => [source, before.get(source) ?? NONE]))
    return this.#apply([...before.values()].flatMap((set) => [...set.keys()]))
  }

  /** What a source has told, in the order in which it did. */
  of(source: string): readonly Member[] {
    return [...(this.#sets.get(source) ?? NONE).values()]
  }

  /** The first source that tells of an address. */
  sourceOf(address: string): string | undefined {
    for (const [source, set] of this.#sets) if (set.has(address)) return source
    return undefined
  }

  /** Whether a backend is a member no more, and serves until others can. */
  isLeaving(backend: Backend): boolean {
    return this.#handover.has(backend)
  }

  /**
   * Replaces all that a source tells. Those that are members no more serve until others can, for a few seconds at most.
   * @param members of several with one address the first counts
   * @param isUrgent whether they are removed at once
   */
  update(source: string, members: readonly Member[], isUrgent = false): MemberChange {
    const before = this.#sets.get(source)
    if (!before) return this.#apply([])
    const set = setOf(members)
    const touched: string[] = []
    for (const [address, member] of set) if (!isSame(before.get(address), member)) touched.push(address)
    for (const address of before.keys()) if (!set.has(address)) touched.push(address)
    this.#sets = new Map([...this.#sets].map(([name, own]) => [name, name === source ? set : own]))
    return this.#apply(touched, isUrgent)
  }

  /** By address, what an operator has said. */
  get overrides(): ReadonlyMap<string, Override> {
    return this.#overrides
  }

  /** Sets what an operator says of an address, of which a source may tell later. */
  override(address: string, override: Override): void {
    if (Object.values(override).some((value) => value !== undefined && value !== false))
      this.#overrides.set(address, override)
    else this.#overrides.delete(address)
    this.#apply([address])
  }

  #wanted(address: string): Member | undefined {
    const source = this.sourceOf(address)
    return source === undefined ? undefined : this.#sets.get(source)!.get(address)
  }

  /** Has the registry follow what became of these addresses. */
  #apply(addresses: readonly string[], isUrgent = false): MemberChange {
    const registry = this.#registry
    const change = { added: [] as string[], removed: [] as string[], reconfigured: [] as string[] }
    const joining: BackendConfig[] = []
    const replaced: Backend[] = []
    const leaving: Backend[] = []
    for (const address of new Set(addresses)) {
      const backend = registry.backendAt(address)
      const wanted = this.#wanted(address)
      const config = wanted && configOf(wanted, this.#overrides.get(address))
      const isKept = backend !== undefined && config?.protocol === backend.config.protocol
      if (isKept) {
        this.#handover.end(backend)
        if (!isSameConfig(config, backend.config)) {
          reconfigure(registry, backend, config)
          change.reconfigured.push(address)
        }
        continue
      }
      if (config) {
        joining.push(config)
        change.added.push(address)
      }
      if (!backend) continue
      const isLeaving = this.#handover.has(backend)
      if (!isLeaving) change.removed.push(address)
      if (config || isUrgent) {
        this.#handover.end(backend)
        replaced.push(backend)
      } else if (!isLeaving) leaving.push(backend)
    }
    this.#handover.begin(leaving)
    registry.update(joining, replaced)
    this.#order(addresses)
    this.#handover.check()
    return change
  }

  #order(addresses: readonly string[]): void {
    for (const address of addresses) {
      const backend = this.#registry.backendAt(address)
      const wanted = this.#wanted(address)
      if (!backend || !wanted) continue
      backend.source = this.sourceOf(address)!
      const { isDraining = false, health } = this.#overrides.get(address) ?? {}
      const byHand = isDraining || !wanted.isDraining
      this.#registry.setDraining(
        backend,
        isDraining || (wanted.isDraining ?? false),
        byHand ? BY_HAND : BY_SOURCE
      )
      this.#registry.force(backend, health, BY_HAND)
    }
  }
}

function reconfigure(registry: Registry, backend: Backend, config: BackendConfig): void {
  const was = backend.isTerminating
  registry.reconfigure(backend, config)
  if (backend.isTerminating === was) return
  const kind = backend.isTerminating ? 'terminating' : 'terminating ended'
  registry.emit('rotation', { backend, kind, reason: BY_SOURCE })
}

function setOf(members: readonly Member[]): MemberSet {
  const set = new Map<string, Member>()
  for (const member of members) if (!set.has(member.config.address)) set.set(member.config.address, member)
  return set
}

function isSame(a: Member | undefined, b: Member): boolean {
  return (
    a !== undefined &&
    (a.isDraining ?? false) === (b.isDraining ?? false) &&
    (a.isTerminating ?? false) === (b.isTerminating ?? false) &&
    isSameConfig(a.config, b.config)
  )
}

/** Whether two configurations of a backend are equal, however they were written. */
function isSameConfig(a: BackendConfig, b: BackendConfig): boolean {
  if (a === b) return true
  return (a.isTerminating ?? false) === (b.isTerminating ?? false) && isDeepStrictEqual(specOf(a), specOf(b))
}
