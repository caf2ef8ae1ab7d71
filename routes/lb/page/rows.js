// The rows of a table body: made when they are first shown, and put into their order.

import { arrange, h } from './dom.js'
import { Near } from './near.js'

/** Rows that are far from the screen are drawn every so many times, by turns. */
const TURNS = 10

/** A cell, with its label for screens that are too narrow for a table. */
export const cell = (name, label, ...children) =>
  h('td', { class: `cell-${name}`, role: 'cell', 'data-label': label }, ...children)

export class Rows {
  #body
  #make
  #rows = new Map()
  #order = ''
  /** Rows that are drawn, in no order. */
  #members = ''
  #turn = 0
  #near = new Near((elements) => {
    for (const element of elements) this.#redraws.get(element)?.()
  })
  #redraws = new WeakMap()

  /**
   * @param make the row of an entry: it has `elements`, of which the first is always visible, `isOf(entry)`, which says
   *   whether it can show that, and `show(entry, context)`
   */
  constructor(body, make) {
    this.#body = body
    this.#make = make
  }

  /**
   * Shows entries by their keys, in this order; while the pointer or the focus is in the table, the order changes only if
   * the user asked for it.
   * @param isKept whether there still is an entry of a key; rows of others are forgotten
   */
  show(entries, context, isKept, isAsked) {
    for (const [key, row] of this.#rows) if (!isKept(key)) this.#remove(key, row)
    this.#turn = (this.#turn + 1) % TURNS
    const areFew = entries.length <= TURNS
    entries.forEach(([key, entry], index) => {
      const known = this.#rows.get(key)
      const row = known?.isOf(entry) ? known : this.#replace(key, known, entry)
      const [element] = row.elements
      const draw = () => row.show(entry, context)
      this.#redraws.set(element, draw)
      const isDue = areFew || row !== known || this.#near.has(element) || index % TURNS === this.#turn
      if (isDue) draw()
    })
    this.#place(
      entries.map(([key]) => key),
      isAsked
    )
  }

  #replace(key, old, entry) {
    if (old) this.#remove(key, old)
    const row = this.#make(entry)
    this.#rows.set(key, row)
    this.#near.watch(row.elements[0])
    this.#order = ''
    return row
  }

  #remove(key, { elements }) {
    this.#near.forget(elements[0])
    for (const element of elements) element.remove()
    this.#rows.delete(key)
  }

  #place(keys, isAsked) {
    const order = keys.join()
    if (order === this.#order) return
    const members = [...keys].sort().join()
    const isSame = members === this.#members && this.#order !== ''
    if (isSame && !isAsked && this.#body.matches(':hover, :focus-within')) return
    this.#order = order
    this.#members = members
    arrange(
      this.#body,
      keys.flatMap((key) => this.#rows.get(key).elements)
    )
  }
}
