/** What other threads have to be told of a directory: cells that have a name now, or a name that is over. */
export type DirectoryChange =
  | { readonly name: string; readonly cells: Int32Array }
  | { readonly forgotten: string }

/**
 * Cells by name. The thread that owns all state creates them; the others are told of it, and find them under the same
 * name. Whoever tells of something that lies in cells does so after that.
 */
export class CellDirectory {
  readonly isOwner: boolean
  readonly #cells: Map<string, Int32Array>
  /** Told of each change by the thread that owns it. */
  onChange: (change: DirectoryChange) => void = () => {}

  /** @param given what another thread owns; absent in the thread that owns it */
  constructor(given?: ReadonlyMap<string, Int32Array>) {
    this.#cells = new Map(given)
    this.isOwner = given === undefined
  }

  get all(): ReadonlyMap<string, Int32Array> {
    return this.#cells
  }

  /**
   * @param create called by the thread that owns it, for a new name
   * @throws {Error} in another thread for a name that it was not told of
   */
  named(name: string, create: () => Int32Array): Int32Array {
    const known = this.#cells.get(name)
    if (known) return known
    if (!this.isOwner) throw new Error(`There are no cells ${name}`)
    const cells = create()
    this.#cells.set(name, cells)
    this.onChange({ name, cells })
    return cells
  }

  /** Follows the thread that owns it. */
  follow(change: DirectoryChange): void {
    if ('cells' in change) this.#cells.set(change.name, change.cells)
    else this.forget(change.forgotten)
  }

  /** Forgets a name and all below it. Who has found its cells keeps them. */
  forget(name: string): void {
    for (const known of this.#cells.keys())
      if (known === name || known.startsWith(`${name}/`)) this.#cells.delete(known)
    if (this.isOwner) this.onChange({ forgotten: name })
  }
}
