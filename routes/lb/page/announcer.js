// Announcements for screen readers: changes, but not the figures of each second.

import { byId, setText } from './dom.js'

/** Of more changes at once, only the number is announced. */
const SEVERAL = 3
/** Long enough for an announcement to be read out before the next. */
const PERIOD_MS = 2000

export class Announcer {
  #region = byId('announcements')
  #waiting = []
  #timer

  say(...texts) {
    this.#waiting.push(...texts.filter((text) => text !== ''))
    if (this.#timer === undefined) this.#speak()
  }

  #speak() {
    const texts = this.#waiting.splice(0)
    this.#timer = undefined
    if (texts.length === 0) return
    const more = texts.length > SEVERAL ? [`and ${texts.length - SEVERAL} more changes`] : []
    setText(this.#region, [...texts.slice(0, SEVERAL), ...more].join('. '))
    this.#timer = setTimeout(() => this.#speak(), PERIOD_MS)
  }
}
