// The table of the backends of one pool: sorted, and limited in length.

import { h, setAttribute, setText } from './dom.js'
import { count } from './format.js'
import { Row } from './row.js'
import { Rows } from './rows.js'

/** Further rows are shown on request. */
const PAGE_LENGTH = 200
/** Least value of a full bar, so that a single request does not fill one. */
const LEAST_FULL = 10

const STATE_ORDER = ['unhealthy', 'ejected', 'checking', 'draining', 'terminating', 'healthy']

/** The sort key of each column, and its first direction. */
export const COLUMNS = [
  { key: 'backend', label: 'Backend', of: ({ id }) => id },
  { key: 'state', label: 'State', of: ({ state }) => STATE_ORDER.indexOf(state) },
  { key: 'weight', label: 'Weight', of: ({ view }) => view.weight, isDescending: true },
  { key: 'active', label: 'In flight', of: ({ view }) => view.active, isDescending: true },
  { key: 'rate', label: 'Req/s', of: ({ rate }) => rate ?? -1, isDescending: true },
  { key: 'errors', label: 'Errors', of: ({ errorShare }) => errorShare ?? -1, isDescending: true },
  { key: 'latency', label: 'Latency', of: ({ latencyMs }) => latencyMs ?? -1, isDescending: true },
  { key: 'check', label: 'Last check' },
  { key: 'health', label: 'Last 10 min', of: ({ since }) => since, isDescending: true },
  { key: 'actions', label: 'Actions' }
]

export class Table {
  element
  #sorting
  #head
  #body = h('tbody', { role: 'rowgroup' })
  #rows
  #more = h('button', { type: 'button', class: 'more', hidden: true })
  #isWhole = false

  /**
   * @param pool its name where there are several; undefined otherwise
   * @param onChange when it is to be shown again
   */
  constructor(pool, sorting, operator, onChange) {
    this.#sorting = sorting
    this.#head = sorting.head()
    const of = pool === undefined ? '' : ` of ${pool}`
    const text = `Backends${of}, with their state and load. The columns can be sorted.`
    this.#rows = new Rows(this.#body, (backend) => new Row(backend, pool, operator))
    this.element = h(
      'div',
      { class: 'backends' },
      h('table', { role: 'table' }, h('caption', { class: 'hidden' }, text), this.#head, this.#body),
      this.#more
    )
    this.#more.addEventListener('click', () => {
      this.#isWhole = true
      onChange()
    })
  }

  /**
   * @param backends those that are asked for
   * @param all the keys of all there are
   * @param isAsked whether the user asked for another order, which then changes even while the table is in use
   */
  show(backends, all, at, isAsked) {
    const sorted = this.#sorting.sorted(backends, (a, b) => a.id - b.id)
    const drawn = this.#isWhole ? sorted : sorted.slice(0, PAGE_LENGTH)
    const most = { active: LEAST_FULL, perSecond: 0 }
    for (const { view, perSecond } of drawn) {
      most.active = Math.max(most.active, view.active)
      most.perSecond = Math.max(most.perSecond, ...perSecond)
    }
    this.#rows.show(
      drawn.map((backend) => [backend.key, backend]),
      { at, most },
      (key) => all.has(key),
      isAsked
    )
    setAttribute(this.#more, 'hidden', drawn.length === sorted.length)
    setText(this.#more, `Show all ${count(sorted.length)}`)
  }

  /** To be called when it is not shown any more. */
  forget() {
    this.#sorting.forget(this.#head)
  }
}
