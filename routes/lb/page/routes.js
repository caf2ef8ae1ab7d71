// The list of routes: filtered, sorted, and limited in length.

import { byId, h, setAttribute, setText } from './dom.js'
import { count } from './format.js'
import { RouteRow } from './route-row.js'
import { Rows } from './rows.js'
import { Sorting } from './sorting.js'

/** Further rows are shown on request; of more there is a filter. */
const PAGE_LENGTH = 20

const COLUMNS = [
  { key: 'route', label: 'Route', of: ({ index }) => index },
  { key: 'leads-to', label: 'Leads to' },
  { key: 'rate', label: 'Req/s', of: ({ route }) => route.rate ?? -1, isDescending: true },
  { key: 'client-errors', label: '4xx', of: ({ route }) => route.share('4xx') ?? -1, isDescending: true },
  { key: 'server-errors', label: '5xx', of: ({ route }) => route.share('5xx') ?? -1, isDescending: true },
  { key: 'total', label: 'Requests', of: ({ route }) => route.total, isDescending: true }
]

export class Routes {
  #panel = byId('routes')
  #filter = byId('route-filter')
  #more = byId('more-routes')
  #body = h('tbody', { role: 'rowgroup' })
  #rows = new Rows(this.#body, (route) => new RouteRow(route))
  #sorting
  #isWhole = false
  #model

  constructor() {
    this.#sorting = new Sorting(COLUMNS, byId('route-sort'), () => this.show(this.#model, true))
    const text = 'Routes, with where they lead and how their requests end. The columns can be sorted.'
    this.#more.before(
      h('table', { role: 'table' }, h('caption', { class: 'hidden' }, text), this.#sorting.head(), this.#body)
    )
    const again = () => this.show(this.#model)
    this.#filter.addEventListener('input', again)
    this.#more.addEventListener('click', () => {
      this.#isWhole = true
      again()
    })
  }

  /** @param isAsked whether the user asked for another order, which then changes even while the list is in use */
  show(model, isAsked = false) {
    this.#model = model
    if (!model?.now) return
    const { routes } = model
    setAttribute(this.#panel, 'hidden', routes.size === 0)
    if (routes.size === 0) return
    setAttribute(byId('route-search'), 'hidden', routes.size <= PAGE_LENGTH)
    const found = [...routes.values()]
      .map((route, index) => ({ route, index }))
      .filter(({ route }) => this.#isWanted(route))
    const sorted = this.#sorting.sorted(found, (a, b) => a.index - b.index).map(({ route }) => route)
    const drawn = this.#isWhole ? sorted : sorted.slice(0, PAGE_LENGTH)
    this.#rows.show(
      drawn.map((route) => [route.name, route]),
      undefined,
      (name) => routes.has(name),
      isAsked
    )
    const isAll = found.length === routes.size
    setText(byId('routes-shown'), isAll ? '' : `${count(found.length)} of ${count(routes.size)} shown`)
    setAttribute(this.#more, 'hidden', drawn.length === sorted.length)
    setText(this.#more, `Show all ${count(sorted.length)}`)
    setAttribute(byId('no-route'), 'hidden', found.length > 0)
  }

  #isWanted({ view: { name, match, leadsTo } }) {
    const text = this.#filter.value.trim().toLowerCase()
    return text === '' || [name, match, leadsTo].some((part) => part.toLowerCase().includes(text))
  }
}
