// The row of a backend in the table; on a narrow screen, its card.

import { Details } from './details.js'
import { h, icon, setAttribute, setIcon, setText } from './dom.js'
import { count, milliseconds, percent, rate, STATES, span } from './format.js'
import { cell } from './rows.js'
import { Spark, Strip } from './strip.js'
import { ALARMING } from './totals.js'

/** Characters of an address that stay in one line. */
const LONG = 24

/** The elements that are updated every second. */
function elementsOf(address) {
  return {
    chevron: icon('chevron'),
    address: h('span', { class: address.length > LONG ? 'address long' : 'address' }, address),
    tags: h('span', { class: 'tags' }),
    stateIcon: icon('checking'),
    stateName: h('span'),
    state: h('span', { class: 'state' }),
    since: h('span', { class: 'note' }),
    weight: h('span', { class: 'value' }),
    effective: h('span', { class: 'note' }),
    active: h('span', { class: 'value' }),
    bar: h('span', { class: 'bar' }),
    rate: h('span', { class: 'value' }),
    errors: h('span', { class: 'value' }),
    latency: h('span', { class: 'value' }),
    checkIcon: icon('healthy'),
    check: h('span'),
    checkNote: h('span', { class: 'note' })
  }
}

export class Row {
  element
  detailsElement
  backend
  #parts
  #spark = new Spark()
  #strip = new Strip()
  #details
  #expander
  #drain
  #weigh
  #reset
  #bar = h('i')

  #title

  /**
   * @param pool the name of its pool where there are several; undefined otherwise
   * @param operator handles its buttons: `drain`, `weigh` and `reset`
   */
  constructor(backend, pool, operator) {
    const { address, view } = backend
    const title = pool === undefined ? address : `${address} of ${pool}`
    const detailsId = `details-${view.pool}-${view.id}`
    const p = elementsOf(address)
    this.#title = title
    this.#parts = p
    this.#details = new Details(title, pool === undefined ? 'h3' : 'h4')
    p.state.append(p.stateIcon, p.stateName)
    p.bar.append(this.#bar)
    const button = (name, ask) => {
      const element = h('button', { type: 'button', class: 'small' }, name)
      element.addEventListener('click', () => void ask(this.backend))
      return element
    }
    this.#drain = button('Drain', operator.drain)
    this.#weigh = button('Weight', operator.weigh)
    this.#reset = button('Reset', operator.reset)
    setAttribute(this.#weigh, 'aria-label', `Change the weight of ${title}`)
    setAttribute(this.#reset, 'aria-label', `End the ejection of ${title}`)
    this.#expander = h(
      'button',
      { type: 'button', class: 'expander', 'aria-expanded': 'false', 'aria-controls': detailsId },
      p.chevron,
      p.address
    )
    this.#expander.addEventListener('click', () => this.#toggle())
    this.element = h(
      'tr',
      { role: 'row', class: 'row' },
      h('th', { scope: 'row', role: 'rowheader', class: 'cell-backend' }, this.#expander, p.tags),
      cell('state', 'State', p.state, p.since),
      cell('weight', 'Weight', p.weight, p.effective),
      cell('active', 'In flight', p.active, p.bar),
      cell('rate', 'Req/s', p.rate, this.#spark.element),
      cell('errors', 'Errors', p.errors),
      cell('latency', 'Latency', p.latency),
      cell('check', 'Last check', h('span', { class: 'check' }, p.checkIcon, p.check), p.checkNote),
      cell('health', 'Last 10 min', this.#strip.element),
      cell('actions', 'Actions', this.#drain, this.#weigh, this.#reset)
    )
    const wide = h('td', { role: 'cell', colspan: 10 }, this.#details.element)
    this.detailsElement = h('tr', { role: 'row', class: 'details', id: detailsId, hidden: true }, wide)
    this.backend = backend
  }

  get elements() {
    return [this.element, this.detailsElement]
  }

  isOf({ address }) {
    return this.backend.address === address
  }

  /** @param context the time, `at`, and `most`, the largest values of all backends shown, for the scale of bars */
  show(backend, { at, most }) {
    this.backend = backend
    const { view, state } = backend
    const p = this.#parts
    setAttribute(this.element, 'data-state', state)
    setAttribute(p.state, 'class', `state ${state}`)
    setIcon(p.stateIcon, state)
    setText(p.stateName, STATES[state])
    const since = `${span(at - backend.since)} · ${backend.reason}`
    setText(p.since, since)
    setAttribute(p.since, 'title', since)
    this.#showTags(view)
    setText(p.weight, count(view.weight))
    const isStarting = view.effectiveWeight !== view.weight
    setText(p.effective, isStarting ? `now ${view.effectiveWeight}` : '')
    setText(p.active, view.max > 0 ? `${count(view.active)} / ${count(view.max)}` : count(view.active))
    const filled = Math.min(1, view.active / (view.max || most.active))
    this.#bar.style.width = `${Math.round(filled * 100)}%`
    setText(p.rate, rate(backend.rate))
    this.#spark.draw(backend.perSecond, most.perSecond || 1)
    setText(p.errors, percent(backend.errorShare))
    setAttribute(p.errors, 'data-bad', backend.errorShare >= ALARMING)
    setText(p.latency, milliseconds(backend.latencyMs))
    this.#showCheck(view.lastCheck, at)
    this.#strip.draw(backend.changes, at)
    this.#showActions(state)
    if (!this.detailsElement.hidden) this.#details.show(backend)
  }

  #showTags({ backup, orders }) {
    const tags = [
      ...(backup ? ['backup'] : []),
      ...(orders.health === 'auto' ? [] : [`set ${orders.health}`])
    ]
    if (this.#parts.tags.dataset.shown === tags.join()) return
    this.#parts.tags.dataset.shown = tags.join()
    this.#parts.tags.replaceChildren(...tags.map((tag) => h('span', { class: 'tag' }, tag)))
  }

  #showCheck(check, at) {
    const p = this.#parts
    setIcon(p.checkIcon, !check ? 'checking' : check.ok ? 'healthy' : 'unhealthy')
    setAttribute(p.checkIcon.parentNode, 'data-bad', check?.ok === false)
    setText(p.check, check ? check.result : 'none yet')
    setAttribute(p.check, 'title', check?.result)
    setText(
      p.checkNote,
      check ? `${milliseconds(check.latencyMs)} · ${span(at - Date.parse(check.at))} ago` : ''
    )
  }

  #showActions(state) {
    const verb = state === 'draining' ? 'Undrain' : 'Drain'
    setText(this.#drain, verb)
    setAttribute(this.#drain, 'aria-label', `${verb} ${this.#title}`)
    setAttribute(this.#reset, 'hidden', state !== 'ejected')
  }

  #toggle() {
    const isOpen = this.detailsElement.hidden
    this.detailsElement.hidden = !isOpen
    setAttribute(this.#expander, 'aria-expanded', String(isOpen))
    if (isOpen) this.#details.show(this.backend)
  }
}
