// Where the backends of a pool come from, beside its list: a line for each source.

import { h, icon, setAttribute, setIcon, setText } from './dom.js'
import { count, span } from './format.js'

const NAMES = { leases: 'Registered by themselves' }

/** How long something has lasted, for people. */
const since = (time, at) => span(at - Date.parse(time))

export class Sources {
  element = h('ul', { class: 'sources', 'aria-label': 'Where backends come from', hidden: true })
  #lines = []

  /** @param sources as the events tell of them, at this time */
  show(sources, at) {
    setAttribute(this.element, 'hidden', sources.length === 0)
    while (this.#lines.length > sources.length) this.#lines.pop().element.remove()
    while (this.#lines.length < sources.length) {
      const line = lineOf()
      this.#lines.push(line)
      this.element.append(line.element)
    }
    sources.forEach((source, index) => {
      showLine(this.#lines[index], source, at)
    })
  }
}

function lineOf() {
  const mark = icon('healthy')
  const [name, members, news] = ['source-name', 'source-members', 'source-news'].map((kind) =>
    h('span', { class: kind })
  )
  return { element: h('li', {}, mark, name, members, news), mark, name, members, news }
}

function showLine({ element, mark, name, members, news }, { source, members: told, changedAt, failure }, at) {
  setIcon(mark, failure ? 'unhealthy' : 'healthy')
  setAttribute(element, 'data-bad', failure !== null)
  setText(name, NAMES[source] ?? source)
  setAttribute(name, 'title', source)
  setText(members, told === 1 ? '1 backend' : `${count(told)} backends`)
  const text = failure
    ? `kept as they are for ${since(failure.since, at)}: ${failure.reason}`
    : changedAt
      ? `changed ${since(changedAt, at)} ago`
      : 'none so far'
  setText(news, text)
  setAttribute(news, 'title', failure?.reason)
}
