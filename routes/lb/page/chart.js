// A chart of lines over the last five minutes.

import { h, s, setAttribute, setText } from './dom.js'
import { clock } from './format.js'

const SPAN_MS = 300_000
const HEIGHT = 168
/** Where charts stand above each other. */
const LOW_HEIGHT = 132
const NARROW = 480
const MARGIN = { top: 8, right: 10, bottom: 22, left: 52 }
/** Samples come every second; after this time without one there is a gap. */
const GAP_MS = 3500
const ROWS = 4
/** Width of a label of the time axis. */
const ROOM = 76

/** The step between two lines of a grid that ends at or above `most`, so that its numbers are round. */
export function roundStep(most) {
  const rough = most / ROWS
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  return [1, 2, 2.5, 5, 10].find((step) => step * magnitude >= rough * 0.999_999) * magnitude
}

/** The `d` of a line through points; it is interrupted at points without a value and at gaps. */
export function linePath(points) {
  let path = ''
  let before
  for (const { at, x, y } of points) {
    if (y === null) {
      before = undefined
      continue
    }
    path += `${before !== undefined && at - before < GAP_MS ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`
    before = at
  }
  return path
}

export class Chart {
  #options
  #figure
  #svg = s('svg', { class: 'chart-drawing', role: 'img' })
  #grid = s('g', { class: 'grid' })
  #lines = s('g')
  #cursor = s('line', { class: 'cursor', y1: MARGIN.top, visibility: 'hidden' })
  #values
  #time = h('span', { class: 'legend-time' })
  #samples = []
  #at = 0
  #width = 0
  #pointerX

  /**
   * @param options its `title`, `least` for the least that its top is, `format` of its values, the `axis` format, and
   *   its `series`: each the `key` of its values, a `label`, and the `kind` of line that tells it from others
   */
  constructor(place, options) {
    this.#options = options
    this.#values = options.series.map(() => h('span', { class: 'legend-value' }))
    const legend = options.series.map(({ label, kind }, index) =>
      h(
        'span',
        { class: 'legend-entry' },
        s(
          'svg',
          { class: 'legend-line', viewBox: '0 0 22 8', 'aria-hidden': 'true' },
          s('path', { class: `line ${kind}`, d: 'M1 4H21' })
        ),
        `${label} `,
        this.#values[index]
      )
    )
    this.#svg.append(this.#grid, this.#lines, this.#cursor)
    this.#figure = h(
      'figure',
      { class: 'chart panel' },
      h('figcaption', {}, h('h2', {}, options.title), h('span', { class: 'legend' }, this.#time, ...legend)),
      this.#svg
    )
    place.append(this.#figure)
    this.#svg.addEventListener('pointermove', ({ offsetX }) => this.#point(offsetX))
    this.#svg.addEventListener('pointerleave', () => this.#point(undefined))
    new ResizeObserver(([{ contentRect }]) => {
      this.#width = Math.floor(contentRect.width)
      this.draw(this.#samples, this.#at)
    }).observe(this.#figure)
  }

  /** Draws these samples, up to now. */
  draw(samples, at) {
    this.#samples = samples
    this.#at = at
    if (this.#width === 0 || document.hidden) return
    const { series, least, title, format } = this.#options
    const values = samples.flatMap((sample) => series.map(({ key }) => sample[key] ?? 0))
    const step = roundStep(Math.max(least, ...values))
    const top = step * Math.max(1, Math.ceil(Math.max(least, ...values) / step - 1e-9))
    const x = (time) => MARGIN.left + (1 - (at - time) / SPAN_MS) * this.#innerWidth
    const height = this.#height
    const y = (value) => height - MARGIN.bottom - (value / top) * (height - MARGIN.top - MARGIN.bottom)
    setAttribute(this.#svg, 'viewBox', `0 0 ${this.#width} ${height}`)
    setAttribute(this.#svg, 'width', this.#width)
    setAttribute(this.#svg, 'height', height)
    setAttribute(this.#cursor, 'y2', height - MARGIN.bottom)
    const latest = series.map(({ key, label }) => `${label} ${format(samples.at(-1)?.[key])}`)
    setAttribute(this.#svg, 'aria-label', `${title}, last five minutes. Now: ${latest.join(', ')}`)
    this.#drawGrid(step, top, x, y)
    this.#drawLines(x, y)
    this.#showValues()
  }

  get #height() {
    return this.#width < NARROW ? LOW_HEIGHT : HEIGHT
  }

  get #innerWidth() {
    return this.#width - MARGIN.left - MARGIN.right
  }

  #drawGrid(step, top, x, y) {
    const right = this.#width - MARGIN.right
    const parts = []
    for (let value = 0; value <= top * 1.000_1; value += step) {
      parts.push(
        s('line', { x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) }),
        s('text', { x: MARGIN.left - 8, y: y(value) + 4, 'text-anchor': 'end' }, this.#options.axis(value))
      )
    }
    const every = this.#innerWidth / 5 < ROOM ? 2 : 1
    for (let minutes = 0; minutes <= 5; minutes += every) {
      const place = { x: x(this.#at - minutes * 60_000), y: this.#height - 5 }
      const anchor = minutes === 0 ? 'end' : minutes === 5 ? 'start' : 'middle'
      parts.push(s('text', { ...place, 'text-anchor': anchor }, minutes === 0 ? 'now' : `−${minutes} min`))
    }
    this.#grid.replaceChildren(...parts)
  }

  #drawLines(x, y) {
    const { series } = this.#options
    const shown = this.#samples.filter(({ at }) => at > this.#at - SPAN_MS)
    const paths = series.map(({ key, kind }) => {
      const points = shown.map((sample) => ({
        at: sample.at,
        x: x(sample.at),
        y: sample[key] === null ? null : y(sample[key])
      }))
      return s('path', { class: `line ${kind}`, d: linePath(points) })
    })
    // The first series is drawn last, above the others.
    this.#lines.replaceChildren(...paths.reverse())
  }

  #point(pointerX) {
    this.#pointerX = pointerX
    this.#showValues()
  }

  /** The values under the pointer, or the latest. */
  #showValues() {
    let sample = this.#samples.at(-1)
    const isPointed = this.#pointerX !== undefined && sample !== undefined
    if (isPointed) {
      const share = (this.#pointerX - MARGIN.left) / this.#innerWidth
      const at = this.#at - (1 - share) * SPAN_MS
      const distance = (one) => Math.abs(one.at - at)
      sample = this.#samples.reduce((best, one) => (distance(one) < distance(best) ? one : best))
      const x = MARGIN.left + (1 - (this.#at - sample.at) / SPAN_MS) * this.#innerWidth
      setAttribute(this.#cursor, 'x1', x)
      setAttribute(this.#cursor, 'x2', x)
    }
    setAttribute(this.#cursor, 'visibility', isPointed ? 'visible' : 'hidden')
    setText(this.#time, isPointed ? clock(sample.at) : '')
    this.#options.series.forEach(({ key }, index) => {
      setText(this.#values[index], this.#options.format(sample?.[key]))
    })
  }
}
