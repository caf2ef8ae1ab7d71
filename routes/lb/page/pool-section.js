// A pool: its figures, and below them the table of its backends, which can be closed.

import { h, icon, setAttribute, setText } from './dom.js'
import { compact, count, quantile, rate } from './format.js'
import { Sources } from './sources.js'
import { Table } from './table.js'

/** Each with a name, its value, and whether it is highlighted. */
const FIGURES = [
  {
    name: 'Healthy',
    read: ({ healthyCount, backends }) => `${count(healthyCount)} of ${count(backends.length)}`,
    isBad: ({ healthyCount, backends }) => healthyCount < backends.length
  },
  { name: 'Req/s', read: ({ view }) => rate(view.requests.perSecond.last10s) },
  { name: 'p50', read: ({ view }) => quantile(view.latency, 'p50Ms') },
  { name: 'p99', read: ({ view }) => quantile(view.latency, 'p99Ms') },
  { name: 'In flight', read: ({ view }) => compact(view.requests.inFlight) },
  {
    name: 'Queued',
    read: ({ view }) => compact(view.requests.queued),
    isBad: ({ view }) => view.requests.queued > 0
  }
]

export class PoolSection {
  element
  #table
  #values = FIGURES.map(() => h('dd'))
  #alarm = h('p', { class: 'pool-alarm', hidden: true })
  #sources = new Sources()
  #toggle
  #body

  /**
   * @param name of the pool where there are several; undefined otherwise
   * @param onToggle called with whether it is to be open
   * @param onChange when it is to be shown again
   */
  constructor(name, { sorting, operator, onToggle, onChange }) {
    this.#table = new Table(name, sorting, operator, onChange)
    this.#body = h('div', { class: 'pool-body' }, this.#table.element)
    this.element = h('section', { class: 'pool' })
    if (name !== undefined) this.element.append(this.#head(name, onToggle), this.#alarm)
    this.element.append(this.#sources.element, this.#body)
  }

  #head(name, onToggle) {
    const id = `pool-${name}`
    this.#body.id = id
    this.#toggle = h(
      'button',
      { type: 'button', class: 'expander', 'aria-controls': id },
      icon('chevron'),
      h('span', { class: 'pool-name' }, name)
    )
    this.#toggle.addEventListener('click', () => onToggle(this.#body.hidden))
    const figures = FIGURES.map((figure, index) =>
      h('div', {}, h('dt', {}, figure.name), this.#values[index])
    )
    return h(
      'div',
      { class: 'pool-head' },
      h('h3', {}, this.#toggle),
      h('dl', { class: 'pool-figures' }, ...figures)
    )
  }

  /** Shows its figures, as they are at this time, and whether it is open. */
  showHead(pool, isOpen, at) {
    this.#sources.show(pool.view.sources, at)
    setAttribute(this.#body, 'hidden', !isOpen)
    setAttribute(this.element, 'data-open', isOpen)
    if (!this.#toggle) return
    setAttribute(this.#toggle, 'aria-expanded', String(isOpen))
    FIGURES.forEach(({ read, isBad }, index) => {
      setText(this.#values[index], read(pool))
      setAttribute(this.#values[index], 'data-bad', isBad?.(pool) ?? false)
    })
    setText(this.#alarm, pool.alarm)
    setAttribute(this.#alarm, 'hidden', pool.alarm === '')
  }

  /** Shows the table of these backends. */
  showTable(backends, all, at, isAsked) {
    this.#table.show(backends, all, at, isAsked)
  }

  /** To be called when its pool is no more. */
  forget() {
    this.#table.forget()
  }
}
