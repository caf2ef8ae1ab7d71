// Small charts of a backend: requests of the last minute, and health of the last ten.

import { s, setAttribute } from './dom.js'
import { clock, STATES, span } from './format.js'

const WIDTH = 120
const SPARK_HEIGHT = 22
const STRIP_HEIGHT = 18
const STRIP_MS = 600_000
/** In this time it moves by a pixel. */
const STEP_MS = 5000
const SECONDS = 60
/** States differ in height as well as in colour. */
const HEIGHTS = { healthy: 1, terminating: 0.85, draining: 0.7, ejected: 0.55, checking: 0.3, unhealthy: 0.4 }

const tenths = (value) => Math.round(value * 10) / 10

export class Spark {
  element = s('svg', {
    class: 'spark',
    viewBox: `0 0 ${WIDTH} ${SPARK_HEIGHT}`,
    preserveAspectRatio: 'none',
    'aria-hidden': 'true'
  })
  #area = s('path', { class: 'spark-area' })
  #line = s('path', { class: 'spark-line', 'vector-effect': 'non-scaling-stroke' })
  #drawn

  constructor() {
    this.element.append(this.#area, this.#line)
  }

  /** @param most value at the top */
  draw(perSecond, most) {
    const step = WIDTH / (SECONDS - 1)
    const first = WIDTH - (perSecond.length - 1) * step
    const scale = (SPARK_HEIGHT - 3) / most
    let line = ''
    perSecond.forEach((value, index) => {
      const point = `${tenths(first + index * step)} ${tenths(SPARK_HEIGHT - 1 - value * scale)}`
      line += `${index === 0 ? 'M' : 'L'}${point}`
    })
    if (line === this.#drawn) return
    this.#drawn = line
    setAttribute(this.#line, 'd', line)
    setAttribute(this.#area, 'd', line && `${line}V${SPARK_HEIGHT}H${tenths(first)}Z`)
  }
}

/** The segments of the last ten minutes, each with its state, as far as it is known. */
export function partsOf(changes, at) {
  const from = at - STRIP_MS
  return changes
    .map((change, index) => ({ ...change, until: changes[index + 1]?.at ?? at }))
    .filter(({ until }) => until > from)
    .map((part) => ({ ...part, at: Math.max(part.at, from) }))
}

export class Strip {
  element = s('svg', {
    class: 'strip',
    role: 'img',
    viewBox: `0 0 ${WIDTH} ${STRIP_HEIGHT}`,
    preserveAspectRatio: 'none'
  })
  #changes
  #step

  draw(changes, at) {
    const step = Math.floor(at / STEP_MS)
    if (changes === this.#changes && step === this.#step) return
    this.#changes = changes
    this.#step = step
    const parts = partsOf(changes, at)
    const x = (time) => WIDTH * (1 - (at - time) / STRIP_MS)
    const rectangles = parts.map(({ to, at: begin, until, reason }) => {
      const height = STRIP_HEIGHT * HEIGHTS[to]
      // A very short segment must be visible all the same.
      const width = Math.max(x(until) - x(begin), 1.5)
      const left = Math.min(x(begin), WIDTH - width)
      return { to, left, width, height, title: `${STATES[to]} from ${clock(begin)}: ${reason}` }
    })
    const words = parts.map(
      ({ to, at: begin, until }) => `${STATES[to].toLowerCase()} for ${span(until - begin)}`
    )
    setAttribute(this.element, 'aria-label', `Last ten minutes: ${words.join(', then ')}`)
    this.element.replaceChildren(
      ...rectangles.map(({ to, left, width, height, title }) =>
        s(
          'rect',
          { class: `part ${to}`, x: left, y: STRIP_HEIGHT - height, width, height },
          s('title', {}, title)
        )
      )
    )
  }
}
