// The table of backends: filtered, sorted, and limited in length.

import { byId, h, icon, setAttribute, setText } from './dom.js'
import { count } from './format.js'
import { Row } from './row.js'

/** Further rows are shown on request. */
const PAGE_LENGTH = 200
/** Least value of a full bar, so that a single request does not fill one. */
const LEAST_FULL = 10

const STATE_ORDER = ['unhealthy', 'ejected', 'checking', 'draining', 'healthy']

/** The sort key of each column, and its first direction. */
const COLUMNS = [
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
  #operator
  #rows = new Map()
  #body = byId('rows')
  #filter = byId('filter')
  #states = byId('states')
  #sortBy = byId('sort')
  #more = byId('more')
  #shown = byId('shown')
  #heads = new Map()
  #sort = { column: COLUMNS[0], isDescending: false }
  #isWhole = false
  #order = ''
  /** Rows that are drawn, in no order. */
  #members = ''
  #model

  constructor(operator) {
    this.#operator = operator
    byId('heads').append(...COLUMNS.map((column) => this.#head(column)))
    for (const { key, label, of } of COLUMNS) if (of) this.#sortBy.append(h('option', { value: key }, label))
    const again = () => this.show(this.#model)
    this.#filter.addEventListener('input', again)
    this.#states.addEventListener('change', again)
    this.#sortBy.addEventListener('change', () =>
      this.#sortOn(COLUMNS.find(({ key }) => key === this.#sortBy.value))
    )
    this.#more.addEventListener('click', () => {
      this.#isWhole = true
      again()
    })
  }

  #head(column) {
    const head = h('th', { scope: 'col', role: 'columnheader', class: `head-${column.key}` })
    if (column.of) {
      const button = h('button', { type: 'button', class: 'sorter' }, column.label, icon('sort'))
      button.addEventListener('click', () => this.#sortOn(column))
      head.append(button)
    } else {
      head.append(column.label)
    }
    this.#heads.set(column, head)
    return head
  }

  #sortOn(column) {
    const isAgain = column === this.#sort.column
    const isDescending = isAgain ? !this.#sort.isDescending : (column.isDescending ?? false)
    this.#sort = { column, isDescending }
    this.#sortBy.value = column.key
    this.show(this.#model, true)
  }

  /** @param isAsked whether the user asked for another order, which then changes even while the table is in use */
  show(model, isAsked = false) {
    this.#model = model
    if (!model?.now) return
    const { at } = model.now
    const wanted = this.#sorted([...model.backends.values()].filter(this.#isWanted))
    const drawn = this.#isWhole ? wanted : wanted.slice(0, PAGE_LENGTH)
    const most = {
      active: Math.max(...drawn.map(({ view }) => view.active), LEAST_FULL),
      perSecond: Math.max(...drawn.flatMap(({ perSecond }) => perSecond), 0)
    }
    this.#forget(model.backends)
    for (const backend of drawn) this.#rowOf(backend).show(backend, at, most)
    this.#place(drawn, isAsked)
    for (const [column, head] of this.#heads) {
      const order = this.#sort.isDescending ? 'descending' : 'ascending'
      setAttribute(head, 'aria-sort', column.of && (column === this.#sort.column ? order : 'none'))
    }
    setText(this.#shown, this.#countText(wanted.length, model.backends.size))
    setAttribute(this.#more, 'hidden', drawn.length === wanted.length)
    setText(this.#more, `Show all ${count(wanted.length)}`)
    setAttribute(byId('none'), 'hidden', wanted.length > 0)
  }

  #countText(wanted, all) {
    return wanted === all ? '' : `${count(wanted)} of ${count(all)} shown`
  }

  #isWanted = ({ address, state, view }) => {
    const text = this.#filter.value.trim().toLowerCase()
    const states = this.#states.value
    const isState =
      states === 'all' ||
      state === states ||
      (states === 'trouble' && !['healthy', 'draining'].includes(state))
    return isState && (text === '' || address.includes(text) || (view.backup && 'backup'.startsWith(text)))
  }

  #sorted(backends) {
    const { column, isDescending } = this.#sort
    const sign = isDescending ? -1 : 1
    return backends.sort((a, b) => sign * (column.of(a) - column.of(b)) || a.id - b.id)
  }

  #rowOf(backend) {
    let row = this.#rows.get(backend.id)
    if (!row || row.backend.address !== backend.address) {
      row?.element.remove()
      row?.detailsElement.remove()
      row = new Row(backend, this.#operator)
      this.#rows.set(backend.id, row)
    }
    return row
  }

  #forget(backends) {
    for (const [id, { element, detailsElement }] of this.#rows) {
      if (backends.has(id)) continue
      element.remove()
      detailsElement.remove()
      this.#rows.delete(id)
    }
  }

  /** Sorts the rows; while the pointer or the focus is in the table, only if the user asked for it. */
  #place(drawn, isAsked) {
    const ids = drawn.map(({ id }) => id)
    const order = ids.join()
    if (order === this.#order) return
    const members = ids.sort((a, b) => a - b).join()
    if (members === this.#members && !isAsked && this.#body.matches(':hover, :focus-within')) return
    this.#order = order
    this.#members = members
    const focused = document.activeElement
    this.#body.replaceChildren(
      ...drawn.flatMap(({ id }) => {
        const { element, detailsElement } = this.#rows.get(id)
        return [element, detailsElement]
      })
    )
    if (focused !== document.activeElement && this.#body.contains(focused))
      focused.focus({ preventScroll: true })
  }
}
