import dns, { type LookupAddress } from 'node:dns'
import { EventEmitter } from 'node:events'
import { isIP, type LookupFunction } from 'node:net'
import { outOfDescriptors } from '../../base/shortage/resource.js'
import { HostName, type HostNameCallbacks, type Lookup } from './host-name.js'
import { LookupQueue } from './lookup-queue.js'

/** The addresses of a name are others. */
export interface NameChange {
  readonly hostname: string
  readonly addresses: readonly string[]
  readonly before: readonly string[]
}

interface ResolverEvents {
  changed: [NameChange]
  /** Look-ups of a name fail from now on; the error, and whether addresses of it are known from before. */
  failing: [{ readonly hostname: string; readonly error: Error; readonly isKnown: boolean }]
  /** Look-ups of a name are answered again. */
  recovered: [{ readonly hostname: string; readonly addresses: readonly string[] }]
}

/** A name that is looked up for a backend. */
export interface NameWatch {
  /** As of the latest answer, the one to be tried first as the first; empty before there is one. */
  readonly addresses: readonly string[]
  /** Why the latest look-up failed, if it did. */
  readonly fault: Error | undefined
  /** Ends it. */
  stop(): void
}

interface Watcher {
  readonly periodMs: number
  /** The addresses are these by now, and were others. */
  readonly onChanged: (addresses: ReadonlySet<string>) => void
}

interface Watched {
  readonly name: HostName
  readonly watchers: Set<Watcher>
}

/** As connections of Node's ask: `/etc/hosts` and all, and no IPv6 where this machine has none. */
const lookUpInSystem: Lookup = (hostname, done) => {
  dns.lookup(hostname, { all: true, hints: dns.ADDRCONFIG }, (error, addresses) =>
    done(error && outOfDescriptors(error), addresses ?? [])
  )
}

/**
 * The names of backends, as the system resolves them: each is looked up once for all that ask for it, and again from time
 * to time, off the path of requests. An answer that is merely in another order changes nothing.
 */
export class Resolver extends EventEmitter<ResolverEvents> implements HostNameCallbacks {
  /** Look-ups so far. */
  answered = 0
  failed = 0
  readonly #lookup: Lookup
  readonly #queue = new LookupQueue()
  readonly #names = new Map<string, Watched>()

  constructor(ask = lookUpInSystem) {
    super()
    this.#lookup = ask
  }

  /** For sockets: answers from what is known of the names that are watched, and asks the system for others. */
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
   * Looks a name up, from now until the watch is stopped. Undefined for what is an address already.
   * @param periodMs between two look-ups, the shortest of all that watch a name; 0 for never again after an answer
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

  /** A connection to this address of a name stands. */
  onConnected(hostname: string, address: string | undefined): void {
    if (address !== undefined) this.#names.get(hostname)?.name.prefer(address)
  }

  /** No connection to a name came about. */
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
