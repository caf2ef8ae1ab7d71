import dns, { type LookupAddress } from 'node:dns'
import { EventEmitter } from 'node:events'
import { isIP, type LookupFunction } from 'node:net'
import { outOfDescriptors } from '../../base/shortage/resource.js'
import { HostName, type HostNameCallbacks, type Lookup } from './host-name.js'
import { LookupQueue } from './lookup-queue.js'

/** The addresses of a name have changed. */
export interface NameChange {
  readonly hostname: string
  readonly addresses: readonly string[]
  readonly before: readonly string[]
}

interface ResolverEvents {
  changed: [NameChange]
  /** Look-ups of a name have begun to fail; `isKnown`: its last addresses are still used. */
  failing: [{ readonly hostname: string; readonly error: Error; readonly isKnown: boolean }]
  /** Look-ups of a name succeed again. */
  recovered: [{ readonly hostname: string; readonly addresses: readonly string[] }]
}

/** The watch of a backend's host name. */
export interface NameWatch {
  /** The addresses of the latest answer, in the order in which they are tried; empty before the first. */
  readonly addresses: readonly string[]
  /** Why the latest look-up failed, if it did. */
  readonly fault: Error | undefined
  /** Ends the watch. */
  stop(): void
}

interface Watcher {
  readonly periodMs: number
  /** The addresses have changed to these. */
  readonly onChanged: (addresses: ReadonlySet<string>) => void
}

interface Watched {
  readonly name: HostName
  readonly watchers: Set<Watcher>
}

/** Looks up as Node's connections do: by `/etc/hosts` and DNS, and without IPv6 if this machine has none. */
const lookUpInSystem: Lookup = (hostname, done) => {
  dns.lookup(hostname, { all: true, hints: dns.ADDRCONFIG }, (error, addresses) =>
    done(error && outOfDescriptors(error), addresses ?? [])
  )
}

/**
 * Resolves the host names of backends through the system. Each name is looked up once for all its watchers, and again
 * periodically, off the request path. A different order of the addresses is no change.
 */
export class Resolver extends EventEmitter<ResolverEvents> implements HostNameCallbacks {
  /** Look-ups that succeeded, and that failed. */
  answered = 0
  failed = 0
  readonly #lookup: Lookup
  readonly #queue = new LookupQueue()
  readonly #names = new Map<string, Watched>()

  constructor(ask = lookUpInSystem) {
    super()
    this.#lookup = ask
  }

  /** For `net.connect()`: uses the addresses of watched names, and looks up others. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const watched = this.#names.get(hostname)
    if (!watched || options.family) {
      dns.lookup(hostname, options, callback as never)
      return
    }
    watched.name.lookup((error, addresses) => {
      const [first] = addresses
      if (error || !first) callback(error as NodeJS.ErrnoException, options.all ? [] : '')
      else if (options.all) callback(null, [...addresses])
      else callback(null, first.address, first.family)
    })
  }

  /**
   * Watches a name until the watch is stopped. Undefined for an address.
   * @param periodMs between two look-ups; the shortest of all watches of a name counts; 0: none after the first answer
   */
  watch(hostname: string, periodMs: number, onChanged: Watcher['onChanged']): NameWatch | undefined {
    if (isIP(hostname) !== 0 || hostname.includes(':')) return undefined
    const watched = this.#names.get(hostname) ?? this.#add(hostname)
    const { name, watchers } = watched
    const watcher = { periodMs, onChanged }
    watchers.add(watcher)
    name.start(shortestOf(watchers))
    return {
      get addresses() {
        return name.addresses.map(({ address }) => address)
      },
      get fault() {
        return name.fault
      },
      stop: () => {
        if (!watchers.delete(watcher)) return
        if (watchers.size > 0) {
          name.start(shortestOf(watchers))
        } else {
          name.stop()
          this.#names.delete(hostname)
        }
      }
    }
  }

  /** A connection to this address of a name was established. */
  onConnected(hostname: string, address: string | undefined): void {
    if (address !== undefined) this.#names.get(hostname)?.name.prefer(address)
  }

  /** A connection to a name failed. */
  onNotConnected(hostname: string): void {
    this.#names.get(hostname)?.name.refreshSoon()
  }

  onLookup(isAnswered: boolean): void {
    if (isAnswered) this.answered++
    else this.failed++
  }

  onChanged({ hostname, addresses }: HostName, before: readonly LookupAddress[]): void {
    const list = addresses.map(addressOf)
    const current = new Set(list)
    for (const { onChanged } of this.#names.get(hostname)?.watchers ?? []) onChanged(current)
    this.emit('changed', { hostname, addresses: list, before: before.map(addressOf) })
  }

  onFailing({ hostname, addresses }: HostName, error: Error): void {
    this.emit('failing', { hostname, error, isKnown: addresses.length > 0 })
  }

  onRecovered({ hostname, addresses }: HostName): void {
    this.emit('recovered', { hostname, addresses: addresses.map(addressOf) })
  }

  #add(hostname: string): Watched {
    const name = new HostName(hostname, { lookup: this.#lookup, queue: this.#queue, callbacks: this })
    const watched = { name, watchers: new Set<Watcher>() }
    this.#names.set(hostname, watched)
    return watched
  }
}

const addressOf = ({ address }: LookupAddress) => address

function shortestOf(watchers: ReadonlySet<Watcher>): number {
  const periods = [...watchers].map(({ periodMs }) => periodMs).filter((periodMs) => periodMs > 0)
  return periods.length > 0 ? Math.min(...periods) : 0
}
