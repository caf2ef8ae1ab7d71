/** A value of a file, and where it stands: the offset of its first character. */
export type Item = ScalarItem | ListItem | MapItem

/** A text, a number, `true`, `false` or nothing. */
export interface ScalarItem {
  readonly kind: 'scalar'
  readonly at: number
  readonly value: string | number | boolean | null
  /** As it is written, without quotes: `080`, where the value is 80. */
  readonly text: string
}

export interface ListItem {
  readonly kind: 'list'
  readonly at: number
  readonly items: readonly Item[]
}

export interface MapItem {
  readonly kind: 'map'
  readonly at: number
  readonly entries: ReadonlyMap<string, Entry>
}

/** A key of a map, and its value. */
export interface Entry {
  /** Where the key stands. */
  readonly at: number
  readonly item: Item
}

/** Where faults of a file are told. */
export interface Faults {
  /** How many have been told. */
  readonly count: number
  /**
   * @param at offset of what is wrong
   * @param message says what would be right, and begins with the name of what is wrong
   */
  add(at: number, message: string): void
  /** The same, where nothing else is worth telling of the same place. */
  addAlone(at: number, message: string): void
}

/** A decimal number, which is passed on as it is written: `10`, not `1e1`. */
const DECIMAL = /^-?\d+(\.\d+)?$/

/** A setting is at most a list of maps. What is deeper is wrong anyway, and by aliases could be without end. */
const MAX_DEPTH = 2

/** A value as a program would hold it; decimal numbers are texts, as they are written. */
export function plainOf(item: Item, depth = 0): unknown {
  if (item.kind !== 'scalar' && depth === MAX_DEPTH) return {}
  if (item.kind === 'list') return item.items.map((each) => plainOf(each, depth + 1))
  if (item.kind === 'map')
    return Object.fromEntries([...item.entries].map(([key, entry]) => [key, plainOf(entry.item, depth + 1)]))
  return typeof item.value === 'number' && DECIMAL.test(item.text) ? item.text : item.value
}
