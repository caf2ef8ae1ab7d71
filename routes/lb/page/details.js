// The details of a backend that its row does not show.

import { h, icon, setText } from './dom.js'
import { bytes, clock, count, percent, STATES } from './format.js'

const share = (part, all) => (all > 0 ? ` (${percent(part / all)})` : '')

const FIGURES = [
  ['Requests', ({ view }) => count(view.total)],
  ['Failed', ({ view }) => `${count(view.failed)}${share(view.failed, view.total)}`],
  ['Tried again', ({ view }) => count(view.retries)],
  ['Of those, unprocessed', ({ view }) => count(view.unprocessedRetries)],
  ['Hedges', ({ view }) => count(view.hedges)],
  ['Ejections', ({ view }) => count(view.ejections)],
  ...['2xx', '3xx', '4xx', '5xx', '1xx'].map((kind) => [
    `Answers ${kind}`,
    ({ view }) => `${count(view.responses[kind])}${share(view.responses[kind], view.total)}`
  ]),
  ['Received', (backend) => `${bytes(backend.view.bytes.received)} (${bytes(backend.receivedRate)}/s)`],
  ['Sent', (backend) => `${bytes(backend.view.bytes.sent)} (${bytes(backend.sentRate)}/s)`],
  ['Checks in a row', ({ view }) => checks(view)],
  ['Limit in flight', ({ view }) => (view.max > 0 ? count(view.max) : 'none')],
  ['Origin', ({ view }) => view.url],
  ['Comes from', ({ view }) => (view.source === 'list' ? 'the list' : view.source)]
]

function checks({ consecutiveSuccesses, consecutiveFailures, lastCheck }) {
  if (!lastCheck) return 'none'
  return consecutiveFailures > 0
    ? `${count(consecutiveFailures)} failed`
    : `${count(consecutiveSuccesses)} passed`
}

export class Details {
  element
  #values = FIGURES.map(() => h('dd'))
  #history = h('ol', { class: 'history', reversed: true })
  #shown

  /** @param heading the element of the heading in it */
  constructor(title, heading) {
    this.element = h(
      'div',
      { class: 'details-body', role: 'group', 'aria-label': `Details of ${title}` },
      h(
        'dl',
        { class: 'figures' },
        ...FIGURES.map(([name], index) => h('div', {}, h('dt', {}, name), this.#values[index]))
      ),
      h('div', { class: 'history-part' }, h(heading, {}, 'Health'), this.#history)
    )
  }

  show(backend) {
    FIGURES.forEach(([, read], index) => {
      setText(this.#values[index], read(backend))
    })
    if (this.#shown === backend.changes) return
    this.#shown = backend.changes
    const entries = backend.changes.map(({ at, to, reason }) => changeItem(at, to, reason))
    this.#history.replaceChildren(...entries.reverse())
  }
}

/** One change of a backend's state in a list, with the address and the name of the pool if they are given. */
export function changeItem(at, to, reason, address, pool) {
  return h(
    'li',
    { class: 'change' },
    h('time', { datetime: new Date(at).toISOString(), title: new Date(at).toLocaleString() }, clock(at)),
    ...(pool === undefined ? [] : [h('span', { class: 'change-pool' }, pool)]),
    ...(address === undefined ? [] : [h('span', { class: 'change-address' }, address)]),
    h('span', { class: `state ${to}` }, icon(to), STATES[to]),
    h('span', { class: 'change-reason' }, reason)
  )
}
