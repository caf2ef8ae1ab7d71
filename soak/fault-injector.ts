import { setTimeout as sleep } from 'node:timers/promises'

import type { Behaviour } from '../chaos/backend-control.js'
import { everyBackend, type Fleet } from '../chaos/fleet.js'
import { seededRandom } from '../test/support/random.js'

const slowMs = 400
/** How long a fault lasts, and how long the pause after it. */
const faultMs = { least: 200, most: 3000 }
const pauseMs = { least: 200, most: 1500 }
const faultsAtOnce = 2
/** Share of the rounds in which all backends fail. */
const outageShare = 0.08

interface Fault {
  begin(fleet: Fleet, index: number): Promise<void> | void
  end(fleet: Fleet, index: number): Promise<void> | void
}

const behaving = (behaviour: Partial<Behaviour>): Fault => ({
  begin: (fleet, index) => fleet.set(index, behaviour),
  end: (fleet, index) => fleet.set(index, {})
})

const stopping = (signal: 'SIGKILL' | 'SIGTERM'): Fault => ({
  begin: (fleet, index) => fleet.stopBackend(index, signal),
  end: (fleet, index) => fleet.startBackend(index)
})

const kill = stopping('SIGKILL')

/** The faults of a backend, by name. */
export const faults: Readonly<Record<string, Fault>> = {
  kill,
  restart: stopping('SIGTERM'),
  freeze: {
    begin: (fleet, index) => fleet.freeze(index),
    end: (fleet, index) => fleet.thaw(index)
  },
  slow: behaving({ delayMs: slowMs }),
  error: behaving({ mode: 'error' }),
  reset: behaving({ mode: 'reset' }),
  refuse: behaving({ refusing: true })
}

/** Injects faults into backends, one after another. */
export class FaultInjector {
  /** How often each fault was injected. */
  readonly counts: Record<string, number> = {}
  readonly #fleet: Fleet
  readonly #random: () => number
  readonly #stop = new AbortController()

  constructor(fleet: Fleet, seed: number) {
    this.#fleet = fleet
    this.#random = seededRandom(seed)
  }

  /** Goes on until `stop` is called; resolves once no backend has a fault. */
  async run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#round()
      await this.#wait(pauseMs)
    }
  }

  stop(): void {
    this.#stop.abort()
  }

  async #round(): Promise<void> {
    if (this.#random() < outageShare) {
      await Promise.all(everyBackend.map((index) => kill.begin(this.#fleet, index)))
      this.#count('outage')
      await this.#wait(faultMs)
      await Promise.all(everyBackend.map((index) => kill.end(this.#fleet, index)))
      return
    }
    const affected = this.#some(everyBackend, 1 + Math.floor(this.#random() * faultsAtOnce))
    await Promise.all(
      affected.map(async (index) => {
        const [name] = this.#some(Object.keys(faults), 1)
        const { begin, end } = faults[name!]!
        await begin(this.#fleet, index)
        this.#count(name!)
        await this.#wait(faultMs)
        await end(this.#fleet, index)
      })
    )
  }

  #some<T>(of: readonly T[], count: number): T[] {
    const left = [...of]
    return Array.from({ length: count }, () => left.splice(Math.floor(this.#random() * left.length), 1)[0]!)
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1
  }

  /** Waits for a random time, or until the stop. */
  async #wait({ least, most }: { least: number; most: number }): Promise<void> {
    const ms = least + this.#random() * (most - least)
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {})
  }
}
