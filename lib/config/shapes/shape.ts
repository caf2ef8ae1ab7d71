import type { Faults, Item } from '../file/item.js'

/** A JSON Schema (draft 7), or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * What a value of the file has to look like: it is read by this, and described to editors by its schema.
 * @template G what a program gives in its place
 */
export interface Shape<T, G = unknown> {
  /**
   * The value, or undefined after a fault.
   * @param path its name for people, such as `routes[2].match.host`
   */
  read(item: Item, path: string, faults: Faults): T | undefined
  readonly json: JsonSchema
  /** For the types alone: it is never there. */
  readonly given?: G
}

/** What a shape reads. */
export type ReadBy<S> = S extends Shape<infer T> ? T : never

/** What a program gives for a shape. */
export type GivenFor<S> = S extends Shape<unknown, infer G> ? G : never

/** What there is instead of what is wanted, for messages. */
export function described(item: Item): string {
  if (item.kind === 'list') return 'is a list'
  if (item.kind === 'map') return 'is a map'
  if (item.value === null) return 'is empty'
  if (typeof item.value === 'boolean') return `is ${item.text}; in quotes it would be a text`
  return `is "${item.text}"`
}

/** A shape whose values are changed or checked further. */
export function refined<T, U, G>(
  shape: Shape<T, G>,
  refine: (value: T, item: Item, path: string, faults: Faults) => U | undefined,
  json: JsonSchema = {}
): Shape<U, G> {
  return {
    read: (item, path, faults) => {
      const value = shape.read(item, path, faults)
      return value === undefined ? undefined : refine(value, item, path, faults)
    },
    json: { ...shape.json, ...json }
  }
}
