// The model of one route: what the events say, and rates derived from it.

/** Over how many milliseconds rates and shares are taken. */
const RATE_MS = 5000
const SHARE_MS = 60_000
/** Events do not come exactly each second. */
const TOLERANCE_MS = 400

/** Where a class of status is in its counts. */
const CLASSES = { '4xx': 4, '5xx': 5 }

export class Route {
  view
  #at
  /** Its counts from each moment on at which they changed; the first are those of a minute ago. */
  #readings = []

  constructor(view, at) {
    this.#take(view, at)
  }

  /** Updates it with the state a second later. */
  advance(view, at) {
    this.#take(view, at)
  }

  #take(view, at) {
    const isNew = view.counts !== this.view?.counts
    this.view = view
    this.#at = at
    if (isNew) this.#readings.push({ at, counts: view.counts, total: sum(view.counts) })
    while (this.#readings[1]?.at <= at - SHARE_MS - TOLERANCE_MS) this.#readings.shift()
  }

  get name() {
    return this.view.name
  }

  /** Requests so far. */
  get total() {
    return this.#readings.at(-1).total
  }

  /** Requests a second. */
  get rate() {
    const then =
      this.#readings.findLast(({ at }) => at <= this.#at - RATE_MS + TOLERANCE_MS) ?? this.#readings[0]
    const ageMs = this.#at - then.at
    // What is older was the same until then.
    const seconds = (ageMs > RATE_MS + TOLERANCE_MS ? RATE_MS : ageMs) / 1000
    return seconds > 0 ? (this.total - then.total) / seconds : null
  }

  /** The share of a class of status, `4xx` or `5xx`, in the last minute; null without requests. */
  share(kind) {
    const [then] = this.#readings
    const now = this.#readings.at(-1)
    const total = now.total - then.total
    return total === 0 ? null : (now.counts[CLASSES[kind]] - then.counts[CLASSES[kind]]) / total
  }
}

const sum = (counts) => counts.reduce((all, one) => all + one, 0)
