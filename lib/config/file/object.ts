import type { Entry, Faults, Item } from './item.js'

/** Reads a value of a program as if it stood in a file. What is undefined counts as absent. */
export function readObject(value: unknown, faults: Faults): Item {
  return new Reader(faults).read(value, '')
}

/**
 * A value of a program as it is now: what the program changes of its lists and objects later, is not changed in it. All that
 * `readObject` finds wrong is in it as well.
 */
export function copyOf<T>(value: T, copies = new Map<unknown, unknown>()): T {
  if (!Array.isArray(value) && !isPlain(value)) return value
  const known = copies.get(value)
  if (known) return known as T
  if (Array.isArray(value)) {
    const list: unknown[] = []
    copies.set(value, list)
    for (const each of value) list.push(copyOf(each, copies))
    return list as T
  }
  const map = Object.create(null)
  copies.set(value, map)
  for (const [key, each] of Object.entries(value)) map[key] = copyOf(each, copies)
  return map
}

class Reader {
  readonly #faults: Faults
  /** The objects around what is read. */
  readonly #around = new Set<unknown>()
  /** There are no places: the order of reading stands for them. */
  #at = 0

  constructor(faults: Faults) {
    this.#faults = faults
  }

  /** @param path its name for people; empty for the whole */
  read(value: unknown, path: string): Item {
    const at = this.#at++
    if (value === null || value === undefined) return { kind: 'scalar', at, value: null, text: '' }
    if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
      return { kind: 'scalar', at, value, text: String(value) }
    if (this.#around.has(value)) return this.#wrong(at, path, 'must not hold itself')
    if (!Array.isArray(value) && !isPlain(value)) {
      const what = Object.prototype.toString.call(value).slice('[object '.length, -1)
      return this.#wrong(
        at,
        path,
        `must be a text, a number, true, false, a list or an object, but is a ${what}`
      )
    }
    this.#around.add(value)
    const item: Item = Array.isArray(value)
      ? { kind: 'list', at, items: Array.from(value, (each, index) => this.read(each, `${path}[${index}]`)) }
      : { kind: 'map', at, entries: this.#entriesOf(value, path) }
    this.#around.delete(value)
    return item
  }

  #entriesOf(value: object, path: string): ReadonlyMap<string, Entry> {
    const entries = new Map<string, Entry>()
    for (const [key, given] of Object.entries(value))
      if (given !== undefined)
        entries.set(key, { at: this.#at++, item: this.read(given, path === '' ? key : `${path}.${key}`) })
    return entries
  }

  #wrong(at: number, path: string, message: string): Item {
    this.#faults.addAlone(at, path === '' ? message : `${path} ${message}`)
    return { kind: 'scalar', at, value: null, text: '' }
  }
}

/** Whether a value is an object of keys and values, be it one of another realm. */
const isPlain = (value: unknown): value is object =>
  Object.prototype.toString.call(value) === '[object Object]'
