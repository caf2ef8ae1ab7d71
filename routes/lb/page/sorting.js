// The order of the rows of tables: that of one of their columns, up or down.

import { h, icon, setAttribute } from './dom.js'

export class Sorting {
  #columns
  #onChange
  #select
  #heads = []
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
    const row = h('tr', { role: 'row' }, ...this.#columns.map((column) => this.#head(column)))
    this.#showOrder()
    return h('thead', { role: 'rowgroup' }, row)
  }

  /** Forgets the heads of tables that are no more. */
  forgetHeads() {
    this.#heads = []
  }

  get width() {
    return this.#columns.length
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

  #head(column) {
    const head = h('th', { scope: 'col', role: 'columnheader', class: `head-${column.key}` })
    if (column.of) {
      const button = h('button', { type: 'button', class: 'sorter' }, column.label, icon('sort'))
      button.addEventListener('click', () => this.#sortOn(column))
      head.append(button)
      this.#heads.push({ column, head })
    } else {
      head.append(column.label)
    }
    return head
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
    for (const { column, head } of this.#heads)
      setAttribute(head, 'aria-sort', column === this.#column ? order : 'none')
  }
}
