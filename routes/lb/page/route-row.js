// The row of a route in the list of routes.

import { h, setAttribute, setText } from './dom.js'
import { compact, percent, rate } from './format.js'
import { cell } from './rows.js'
import { ALARMING } from './totals.js'

export class RouteRow {
  elements
  #name
  #match = h('span', { class: 'note' })
  #leadsTo = h('span', { class: 'leads-to' })
  #rate = h('span', { class: 'value' })
  #clientErrors = h('span', { class: 'value' })
  #serverErrors = h('span', { class: 'value' })
  #total = h('span', { class: 'value' })

  constructor({ name }) {
    this.#name = name
    const head = h(
      'th',
      { scope: 'row', role: 'rowheader', class: 'cell-route' },
      h('span', { class: 'route-name' }, name),
      this.#match
    )
    this.elements = [
      h(
        'tr',
        { role: 'row', class: 'route' },
        head,
        cell('leads-to', 'Leads to', this.#leadsTo),
        cell('rate', 'Req/s', this.#rate),
        cell('client-errors', '4xx', this.#clientErrors),
        cell('server-errors', '5xx', this.#serverErrors),
        cell('total', 'Requests', this.#total)
      )
    ]
  }

  isOf({ name }) {
    return name === this.#name
  }

  show(route) {
    const { match, leadsTo } = route.view
    const serverErrors = route.share('5xx')
    setText(this.#match, match)
    setAttribute(this.#match, 'title', match)
    setText(this.#leadsTo, leadsTo)
    setText(this.#rate, rate(route.rate))
    setText(this.#clientErrors, percent(route.share('4xx')))
    setText(this.#serverErrors, percent(serverErrors))
    setAttribute(this.#serverErrors, 'data-bad', serverErrors >= ALARMING)
    setText(this.#total, compact(route.total))
  }
}
