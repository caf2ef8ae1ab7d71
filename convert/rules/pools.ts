import { nameOf } from '../values.js'
import { isSame } from './conditions.js'

/** A pool with the keys of the file. */
export interface PoolSettings {
  readonly backends: readonly string[]
  readonly [key: string]: unknown
}

/** The pools of a converted configuration, by name. */
export class Pools {
  readonly #pools = new Map<string, PoolSettings>()

  /** Adds a pool unless there is the same already; returns its name, which is `wanted` if that is free. */
  add(wanted: string, settings: PoolSettings): string {
    const base = nameOf(wanted)
    let name = base
    for (let n = 2; this.#pools.has(name); n++) {
      if (isSame(this.#pools.get(name), settings)) return name
      name = `${base}-${n}`
    }
    this.#pools.set(name, settings)
    return name
  }

  get(name: string): PoolSettings | undefined {
    return this.#pools.get(name)
  }

  /** Gives a pool further settings. */
  extend(name: string, settings: Readonly<Record<string, unknown>>): void {
    this.#pools.set(name, { ...this.#pools.get(name)!, ...settings })
  }

  entries(): [name: string, settings: PoolSettings][] {
    return [...this.#pools]
  }
}
