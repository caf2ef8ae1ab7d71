import { isDeepStrictEqual } from 'node:util'

/** What has become of a list since it was looked at before. */
export interface ListChange {
  /** The keys of all rows in their order; only if rows have come, left or moved. */
  readonly keys?: readonly string[]
  /** New rows whole; of others those that differ, with their key and the fields that do, nested ones included. */
  readonly changed: readonly object[]
}

/** A list of rows of plain data, all with the same fields, of which only changes are told. */
export class ChangingList<Row extends object> {
  readonly #keyFields: readonly (keyof Row & string)[]
  #rows: ReadonlyMap<string, Row> = new Map()

  /** @param keyFields fields that tell a row from all others; joined by `/` they are its key */
  constructor(...keyFields: readonly (keyof Row & string)[]) {
    this.#keyFields = keyFields
  }

  /** As they were when `advance` was called last. */
  get rows(): readonly Row[] {
    return [...this.#rows.values()]
  }

  /**
   * Takes the rows as they are now. What can change has to be in objects of its own.
   * @returns what is different from before
   */
  advance(rows: readonly Row[]): ListChange {
    const before = this.#rows
    const now = new Map(rows.map((row) => [this.#keyFields.map((name) => row[name]).join('/'), row]))
    this.#rows = now
    const changed: object[] = []
    for (const [key, row] of now) {
      const old = before.get(key)
      const difference = old ? differenceOf(old as Data, row as Data) : row
      if (difference) changed.push({ ...this.#keyOf(row), ...difference })
    }
    return haveSameKeys(before, now) ? { changed } : { keys: [...now.keys()], changed }
  }

  #keyOf(row: Row): object {
    return Object.fromEntries(this.#keyFields.map((name) => [name, row[name]]))
  }
}

type Data = Readonly<Record<string, unknown>>

/** The fields that differ; undefined if none does. */
function differenceOf(before: Data, now: Data): Data | undefined {
  let difference: Record<string, unknown> | undefined
  for (const name of Object.keys(now)) {
    const old = before[name]
    const value = now[name]
    if (value === old) continue
    const changed = isData(old) && isData(value) ? differenceOf(old, value) : value
    if (changed === undefined || (Array.isArray(value) && isDeepStrictEqual(old, value))) continue
    difference ??= {}
    difference[name] = changed
  }
  return difference
}

const isData = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function haveSameKeys(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  if (a.size !== b.size) return false
  const keys = a.keys()
  for (const key of b.keys()) if (keys.next().value !== key) return false
  return true
}
