// The order of the rows of tables: that of one of their columns, up or down.

import { h, icon, setAttribute } from './dom.js'

export class Sorting {
  #columns
  #onChange
  #select
  /** The cells that show the order, by the heads of tables that they are in. */
  #heads = new Map()
  #column
  #isDescending = false

  /**
   * @param columns each with a `key`, a `label`, and, if it can be sorted by, `of`, the sort key of an entry, and whether
   *   the largest come first, `isDescending`; the first is the order at first
   * @param select the choice of the column where there are no heads
   * @param onChange when the user has chosen another order
   */
  constructor(columns, select, onChange) {
    this.#columns = columns
    this.#column = columns[0]
    this.#select = select
    this.#onChange = onChange
    for (const { key, label, of } of columns) if (of) select.append(h('option', { value: key }, label))
    select.addEventListener('change', () => this.#sortOn(columns.find(({ key }) => key === select.value)))
  }

  /** The head of a table: each has its own, and all show the same order. */
  head() {
    const cells = this.#columns.map((column) => ({ column, cell: this.#cell(column) }))
    const row = h('tr', { role: 'row' }, ...cells.map(({ cell }) => cell))
    const head = h('thead', { role: 'rowgroup' }, row)
    this.#heads.set(
      head,
      cells.filter(({ column }) => column.of)
    )
    this.#showOrder()
    return head
  }

  /** Forgets the head of a table that is no more. */
  forget(head) {
    this.#heads.delete(head)
  }

  /** @param order what decides between those that are the same */
  sorted(entries, order) {
    const sign = this.#isDescending ? -1 : 1
    const { of } = this.#column
    return entries
      .map((entry) => ({ entry, value: of(entry) }))
      .sort((a, b) => sign * (a.value - b.value) || order(a.entry, b.entry))
      .map(({ entry }) => entry)
  }

  #cell(column) {
    const cell = h('th', { scope: 'col', role: 'columnheader', class: `head-${column.key}` })
    if (!column.of) {
      cell.append(column.label)
      return cell
    }
    const button = h('button', { type: 'button', class: 'sorter' }, column.label, icon('sort'))
    button.addEventListener('click', () => this.#sortOn(column))
    cell.append(button)
    return cell
  }

  #sortOn(column) {
    const isAgain = column === this.#column
    this.#isDescending = isAgain ? !this.#isDescending : (column.isDescending ?? false)
    this.#column = column
    this.#select.value = column.key
    this.#showOrder()
    this.#onChange()
  }

  #showOrder() {
    const order = this.#isDescending ? 'descending' : 'ascending'
    for (const { column, cell } of [...this.#heads.values()].flat())
      setAttribute(cell, 'aria-sort', column === this.#column ? order : 'none')
  }
}
