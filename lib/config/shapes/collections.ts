import type { Faults, Item } from '../file/item.js'
import { suggestion } from '../suggestion.js'
import { described, type GivenFor, type JsonSchema, type ReadBy, type Shape } from './shape.js'

/** A list that is not empty. */
export function listOf<T, G>(shape: Shape<T, G>): Shape<T[], readonly G[]> {
  return {
    read: (item, path, faults) => {
      if (item.kind === 'list' && item.items.length > 0) return itemsOf(item, shape, path, faults)
      faults.add(
        item.at,
        `${path} must be a list, but ${item.kind === 'list' ? 'is empty' : described(item)}`
      )
      return undefined
    },
    json: { type: 'array', items: shape.json, minItems: 1 }
  }
}

/** A value, or a list of such values. */
export function oneOrMore<T, G>(shape: Shape<T, G>): Shape<T[], G | readonly G[]> {
  const list = listOf(shape)
  return {
    read: (item, path, faults) => {
      if (item.kind === 'list') return list.read(item, path, faults)
      const value = shape.read(item, path, faults)
      return value === undefined ? undefined : [value]
    },
    json: { anyOf: [shape.json, list.json] }
  }
}

function itemsOf<T>({ items }: Item & { kind: 'list' }, shape: Shape<T>, path: string, faults: Faults): T[] {
  const values: T[] = []
  for (const [index, item] of items.entries()) {
    const value = shape.read(item, `${path}[${index}]`, faults)
    if (value !== undefined) values.push(value)
  }
  return values
}

/**
 * A map with any keys, at least one.
 * @param nameFault what is wrong with a key; undefined for nothing
 */
export function mapOf<T, G>(
  shape: Shape<T, G>,
  nameFault: (name: string) => string | undefined
): Shape<[name: string, value: T][], Readonly<Record<string, G>>> {
  return {
    read: (item, path, faults) => {
      if (item.kind !== 'map' || item.entries.size === 0) {
        faults.add(
          item.at,
          `${path} must be a map, but ${item.kind === 'map' ? 'is empty' : described(item)}`
        )
        return undefined
      }
      const values: [string, T][] = []
      for (const [name, entry] of item.entries) {
        const wrong = nameFault(name)
        if (wrong !== undefined) faults.add(entry.at, `${path}.${name} ${wrong}`)
        const value = shape.read(entry.item, `${path}.${name}`, faults)
        if (value !== undefined) values.push([name, value])
      }
      return values
    },
    json: { type: 'object', minProperties: 1, additionalProperties: shape.json }
  }
}

/** A key that a map may have. */
export interface Key<T, G = unknown> {
  readonly shape: Shape<T, G>
  /** A sentence for editors and the reference. */
  readonly description: string
  readonly isRequired?: boolean
}

type Keys = Readonly<Record<string, Key<unknown>>>
type Required<K extends Keys> = {
  [Name in keyof K]: K[Name] extends { readonly isRequired: true } ? Name : never
}[keyof K]
type Given<K extends Keys> = {
  readonly [Name in Required<K>]: GivenFor<K[Name]['shape']>
} & {
  readonly [Name in Exclude<keyof K, Required<K>>]?: GivenFor<K[Name]['shape']> | undefined
}
type Found<K extends Keys> = { readonly [Name in keyof K]: ReadBy<K[Name]['shape']> | undefined }

/**
 * A map with certain keys alone. What is absent or wrong is undefined.
 * @param whyNotEmpty what is said of a map without any; undefined if it may be empty
 */
export function keys<const K extends Keys>(
  known: K,
  json: JsonSchema = {},
  whyNotEmpty?: string
): Shape<Found<K>, Given<K>> {
  const names = Object.keys(known)
  const required = names.filter((name) => known[name]!.isRequired)
  return {
    read: (item, path, faults) => {
      if (item.kind !== 'map') {
        faults.add(item.at, `${path} must be a map, but ${described(item)}`)
        return undefined
      }
      const found: Record<string, unknown> = {}
      for (const [name, entry] of item.entries) {
        if (Object.hasOwn(known, name))
          found[name] = known[name]!.shape.read(entry.item, `${path}.${name}`, faults)
        else faults.add(entry.at, `${path}.${name} is not a known key${suggestion(name, names)}`)
      }
      if (whyNotEmpty !== undefined && item.entries.size === 0) faults.add(item.at, `${path} ${whyNotEmpty}`)
      // A key that is not known may be meant for one that is missing.
      const missing = required.filter((name) => !item.entries.has(name))
      if (missing.length > 0 && hasOnly(item, names))
        for (const name of missing) faults.add(item.at, `${path} must have ${name}`)
      return found as Found<K>
    },
    json: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(known).map(([name, { shape, description }]) => [name, { description, ...shape.json }])
      ),
      additionalProperties: false,
      ...(required.length > 0 ? { required } : {}),
      ...(whyNotEmpty === undefined ? {} : { minProperties: 1 }),
      ...json
    }
  }
}

/** Whether a map has none but these keys. */
export const hasOnly = (item: Item, names: readonly string[]) =>
  item.kind === 'map' && [...item.entries.keys()].every((name) => names.includes(name))

/** Whether a map has a key, be its value wrong. */
export const has = (item: Item, name: string) => item.kind === 'map' && item.entries.has(name)

/** Where a key of a map stands. */
export function placeOf(item: Item, name: string): number {
  return (item.kind === 'map' ? item.entries.get(name)?.at : undefined) ?? item.at
}
