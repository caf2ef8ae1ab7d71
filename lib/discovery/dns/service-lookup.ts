import { type Addresses, isUsable } from './addresses.js'
import { type None, recordsOf } from './client/answer.js'
import type { DnsClient } from './client/client.js'
import type { ResourceRecord, Service } from './client/message.js'
import { isDnsName } from './dns-name.js'
import type { Endpoint, Lookup } from './endpoint.js'
import { type Found, firstOf, type Outcome } from './outcome.js'
import { backendWeights } from './weights.js'

/** Targets that are looked up at once. */
const AT_ONCE = 16

/** Characters of a name in a message. */
const MAX_SHOWN = 100

type Warn = (message: string) => void
type AddressesOfTarget = readonly [target: string, addresses: readonly string[]]
type Addressed = Found<AddressesOfTarget>

/** `dns+srv://`: the addresses of the targets of a service (RFC 2782). */
export class ServiceLookup implements Lookup {
  readonly #name: string
  readonly #client: DnsClient
  readonly #addresses: Addresses
  readonly #warn: Warn
  /** By target, what it last stood for. */
  #last: ReadonlyMap<string, readonly string[]> = new Map()

  /** @param warn told of records that are left out */
  constructor(name: string, client: DnsClient, addresses: Addresses, warn: Warn) {
    this.#name = name
    this.#client = client
    this.#addresses = addresses
    this.#warn = warn
  }

  async lookUp(signal: AbortSignal): Promise<Outcome<Endpoint>> {
    const names = this.#client.candidatesOf(this.#name)
    const answer = await firstOf(names, (name) => this.#client.ask({ name, type: 'SRV' }, signal))
    if (answer.kind !== 'found') return answer
    const services = servicesIn(answer.records, this.#warn)
    if (services.length === 0)
      return { kind: 'none', reason: `${this.#name} has no target, by its records`, isAbsent: false }
    const targets = [...new Set(services.map(({ target }) => target))]
    const found = this.#addressesIn(answer.additionals, targets) ?? (await this.#lookUpAll(targets, signal))
    if (found.kind !== 'found') return found
    const ttlS = Math.min(answer.ttlS, found.ttlS)
    return { ...found, ttlS, values: endpointsOf(services, new Map(found.values)) }
  }

  /** The addresses that came with the records; undefined unless those of all do, as it may be for lack of room. */
  #addressesIn(additionals: readonly ResourceRecord[], targets: readonly string[]): Addressed | undefined {
    const values: AddressesOfTarget[] = []
    let least = Number.POSITIVE_INFINITY
    for (const target of targets) {
      const { records, ttlS } = recordsOf(additionals, target, this.#addresses.families)
      const addresses = records.map(({ data }) => data as string).filter(isUsable)
      if (addresses.length === 0) return undefined
      least = Math.min(least, ttlS)
      values.push([target, addresses.sort()])
    }
    return { kind: 'found', values, ttlS: least }
  }

  async #lookUpAll(targets: readonly string[], signal: AbortSignal): Promise<Outcome<AddressesOfTarget>> {
    const outcomes = new Map<string, Outcome<string>>()
    const remaining = targets.values()
    const work = async () => {
      for (const target of remaining) outcomes.set(target, await this.#addresses.lookUp(target, signal))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    this.#addresses.endRound()
    return this.#combined(outcomes)
  }

  #combined(outcomes: ReadonlyMap<string, Outcome<string>>): Outcome<AddressesOfTarget> {
    const values: AddressesOfTarget[] = []
    let ttlS = Number.POSITIVE_INFINITY
    let none: None | undefined
    let lack: string | undefined
    for (const [target, outcome] of outcomes) {
      if (outcome.kind === 'found') {
        values.push([target, outcome.values])
        ttlS = Math.min(ttlS, outcome.ttlS)
        lack ??= outcome.lack
      } else if (outcome.kind === 'none') none ??= outcome
      else {
        lack ??= `${target}: ${outcome.reason}`
        const last = this.#last.get(target)
        if (last) values.push([target, last])
      }
    }
    this.#last = new Map(values)
    // A later look-up of those that failed is due at once.
    if (ttlS < Number.POSITIVE_INFINITY)
      return lack === undefined ? { kind: 'found', values, ttlS } : { kind: 'found', values, ttlS: 0, lack }
    return lack === undefined ? none! : { kind: 'failed', reason: lack }
  }
}

/** The records that name a backend, each target and port once, the preferred first. */
function servicesIn(records: readonly ResourceRecord[], warn: Warn): Service[] {
  const services = new Map<string, Service>()
  const all = records.map(({ data }) => data as Service).sort((a, b) => a.priority - b.priority)
  for (const service of all) {
    const { target, port } = service
    if (target === '') continue
    if (!isDnsName(target) || port < 1 || port > 65_535)
      warn(`its record of "${target.slice(0, MAX_SHOWN)}" and port ${port} is left out`)
    else if (!services.has(`${target}:${port}`)) services.set(`${target}:${port}`, service)
  }
  return [...services.values()]
}

function endpointsOf(
  services: readonly Service[],
  addresses: ReadonlyMap<string, readonly string[]>
): Endpoint[] {
  const preferred = services[0]!.priority
  const groups = [true, false].map((isFirst) =>
    services.filter(({ priority }) => (priority === preferred) === isFirst)
  )
  return groups.flatMap((group, index) => {
    const weights = group.length > 0 ? backendWeights(group.map(({ weight }) => weight)) : []
    return group.flatMap(({ target, port }, i) =>
      (addresses.get(target) ?? []).map((address) => ({
        address,
        port,
        tlsName: target,
        weight: weights[i]!,
        isBackup: index > 0
      }))
    )
  })
}
