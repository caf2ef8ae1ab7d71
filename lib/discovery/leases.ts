import type { BackendConfig } from '../pool/spec/backend-spec.js'
import type { Member } from './member.js'
import type { Destination, SourceLog, SourceStatus } from './source-state.js'

/** The source that is the leases. */
export const LEASES = 'leases'

/** What a backend that registers itself says. */
export interface LeaseTerms {
  readonly config: BackendConfig
  readonly isDraining: boolean
  /** Milliseconds until it lapses, unless it is renewed. */
  readonly ttlMs: number
}

interface Lease {
  readonly member: Member
  readonly expiresMs: number
}

/**
 * Members that have registered themselves, each for a limited time. One whose lease ends takes no new requests, and finishes
 * those that it has.
 */
export class Leases {
  readonly #destination: Destination
  readonly #log: SourceLog
  readonly #max: number
  #leases: Map<string, Lease> = new Map()
  #changedAt: Date | undefined
  #toldAt: Date | undefined

  /** @param max how many there may be at once */
  constructor(destination: Destination, max: number, log: SourceLog) {
    this.#destination = destination
    this.#max = max
    this.#log = log
  }

  get status(): SourceStatus {
    return {
      source: LEASES,
      members: this.#leases.size,
      changedAt: this.#changedAt,
      toldAt: this.#toldAt,
      failure: undefined
    }
  }

  /** @param predecessor those of the same pool until now, which go on here */
  start(predecessor?: Leases): void {
    this.#destination.registry.on('tick', this.#onTick)
    if (!predecessor) return
    this.#leases = predecessor.#leases
    this.#changedAt = predecessor.#changedAt
    this.#toldAt = predecessor.#toldAt
    predecessor.stop()
    this.#tell()
  }

  stop(): void {
    this.#destination.registry.off('tick', this.#onTick)
  }

  /**
   * Grants a lease, or renews it.
   * @returns undefined if there are as many as there may be
   */
  grant({ config, isDraining, ttlMs }: LeaseTerms): 'granted' | 'renewed' | undefined {
    const { address } = config
    const { tickMs } = this.#destination.registry
    const before = this.#leases.get(address)
    if (!before && this.#leases.size >= this.#max) return undefined
    this.#toldAt = new Date()
    const isSame =
      before?.member.config.weight === config.weight && (before.member.isDraining ?? false) === isDraining
    const member = isSame ? before.member : { config, isDraining }
    this.#leases.set(address, { member, expiresMs: tickMs + ttlMs })
    if (!isSame) this.#tell()
    if (!before) this.#log.info({ backend: address }, `${address} has registered itself`)
    return before ? 'renewed' : 'granted'
  }

  /** Ends a lease. Returns whether there was one. */
  end(address: string): boolean {
    if (!this.#leases.delete(address)) return false
    this.#log.info({ backend: address }, `${address} has ended its registration`)
    this.#tell()
    return true
  }

  readonly #onTick = (nowMs: number): void => {
    const lapsed = [...this.#leases].filter(([, { expiresMs }]) => expiresMs <= nowMs)
    if (lapsed.length === 0) return
    for (const [address] of lapsed) {
      this.#leases.delete(address)
      this.#log.warn({ backend: address }, `${address} has not renewed its registration in time`)
    }
    this.#tell()
  }

  #tell(): void {
    this.#changedAt = new Date()
    this.#destination.members.update(
      LEASES,
      [...this.#leases.values()].map(({ member }) => member)
    )
  }
}
