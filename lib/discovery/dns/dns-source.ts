import { isIPv6 } from 'node:net'
import type { Member } from '../member.js'
import type { DnsOptions } from '../options.js'
import { RetryDelay } from '../retry-delay.js'
import type { Source, SourceContext } from '../source.js'
import { readMember } from '../spec/template.js'
import { Addresses } from './addresses.js'
import { DnsClient } from './client/client.js'
import { withoutFinalDot } from './dns-name.js'
import type { Endpoint, Lookup } from './endpoint.js'
import { NameLookup } from './name-lookup.js'
import type { DnsGiven } from './options.js'
import { ServiceLookup } from './service-lookup.js'

const LONGEST_RETRY_MS = 5000
/** A look-up comes earlier than it is due by up to this part, so that many pools do not ask at once. */
const JITTER = 0.1

/** The members that a name, or a service, has in DNS: they are looked up again when the first of their TTLs ends. */
export class DnsSource implements Source {
  readonly #given: DnsGiven
  readonly #context: SourceContext
  readonly #lookup: Lookup
  readonly #retry: RetryDelay
  readonly #stopped = new AbortController()
  /** By their entries. */
  #members: ReadonlyMap<string, Member> = new Map()
  #timer: NodeJS.Timeout | undefined
  #lack: string | undefined

  constructor(given: DnsGiven, context: SourceContext, client = clientOf(context.options.dns)) {
    const { name, port, families, maxMs } = given
    const addresses = new Addresses(client, families)
    this.#given = given
    this.#context = context
    this.#retry = new RetryDelay(Math.min(maxMs, LONGEST_RETRY_MS))
    this.#lookup =
      port === undefined
        ? new ServiceLookup(name, client, addresses, (message) => context.warn(message))
        : new NameLookup(name, port, client, addresses)
  }

  start(): void {
    void this.#lookUp()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#stopped.abort()
  }

  async #lookUp(): Promise<void> {
    const { signal } = this.#stopped
    const outcome = await this.#lookup.lookUp(signal)
    if (signal.aborted) return
    const { minMs, maxMs, holdMs } = this.#given
    let delayMs: number
    if (outcome.kind === 'found') {
      this.#retry.reset()
      this.#tell(outcome.values)
      this.#warnOf(outcome.lack)
      const dueMs = Math.min(Math.max(outcome.ttlS * 1000, minMs), maxMs)
      delayMs = dueMs * (1 - JITTER * Math.random())
    } else {
      const { listener } = this.#context
      if (outcome.kind === 'none') listener.onNone(outcome.reason, holdMs)
      else listener.onFailure(outcome.reason)
      delayMs = this.#retry.next()
    }
    this.#timer = setTimeout(() => void this.#lookUp(), delayMs).unref()
  }

  #tell(endpoints: readonly Endpoint[]): void {
    const { template, faultOf, listener, warn } = this.#context
    const members = new Map<string, Member>()
    for (const endpoint of endpoints) {
      const entry = entryOf(
        endpoint,
        template.isTls && !template.options.some((option) => TLS_NAME.test(option))
      )
      const config = this.#members.get(entry)?.config ?? readMember(entry, template, faultOf, warn)
      if (config) members.set(entry, this.#members.get(entry) ?? { config })
    }
    this.#members = members
    listener.onMembers([...members.values()])
  }

  /** Tells once what is missing of an answer. */
  #warnOf(lack: string | undefined): void {
    if (lack !== undefined && lack !== this.#lack) this.#context.warn(lack)
    this.#lack = lack
  }
}

const TLS_NAME = /^tls-name=/

/** An endpoint as an entry of `LB_BACKENDS`. */
function entryOf({ address, port, tlsName, weight, isBackup }: Endpoint, needsName: boolean): string {
  const host = isIPv6(address) ? `[${address}]` : address
  return [
    `${host}:${port}`,
    ...(weight === undefined ? [] : [`weight=${weight}`]),
    ...(isBackup ? ['backup'] : []),
    ...(needsName ? [`tls-name=${withoutFinalDot(tlsName)}`] : [])
  ].join(';')
}

const clients = new Map<string, DnsClient>()

/** The sources of a process ask by one client, which remembers which servers are silent. */
function clientOf(options: DnsOptions): DnsClient {
  const key = options.servers.join()
  const client = clients.get(key) ?? new DnsClient(options)
  clients.set(key, client)
  return client
}
