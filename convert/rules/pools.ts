import { nameOf } from '../values.js'
import { isSame } from './conditions.js'

/** As much as a backend can have. */
const MAX_WEIGHT = 256

/** A pool with the keys of the file. */
export interface PoolSettings {
  readonly backends: readonly string[]
  readonly [key: string]: unknown
}

/** Backends, each once: one that stands there twice has the weight of both. */
function distinct(backends: readonly string[]): string[] {
  const found = new Map<string, { options: string[]; weight: number }>()
  for (const backend of backends) {
    const [address = '', ...options] = backend.split(';')
    const weight = Number(
      options.find((option) => option.startsWith('weight='))?.slice('weight='.length) ?? 1
    )
    const before = found.get(address)
    if (before) before.weight += weight
    else found.set(address, { options: options.filter((option) => !option.startsWith('weight=')), weight })
  }
  return [...found].map(([address, { options, weight }]) =>
    [address, ...(weight === 1 ? [] : [`weight=${Math.min(weight, MAX_WEIGHT)}`]), ...options].join(';')
  )
}

/** The pools of a converted configuration, by name. */
export class Pools {
  readonly #pools = new Map<string, PoolSettings>()

  /** Adds a pool unless there is the same already; returns its name, which is `wanted` if that is free. */
  add(wanted: string, given: PoolSettings): string {
    const settings = { ...given, backends: distinct(given.backends) }
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
