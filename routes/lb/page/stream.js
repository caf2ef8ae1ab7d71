// The event stream, which is reopened when it breaks or stalls.

const STALLED_MS = 5000
const GIVEN_UP_MS = 12_000
const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 8000

export class Stream {
  #listener
  #source
  #timer
  #watch
  #delayMs = FIRST_DELAY_MS
  #lastEventMs = 0

  /** @param listener gets `all`, `tick`, and the `state` of the stream with a text */
  constructor(listener) {
    this.#listener = listener
    this.#open()
    // A phone that slept notices when it wakes up.
    addEventListener('online', () => this.#hurry())
    addEventListener('pageshow', () => this.#hurry())
  }

  #open() {
    clearTimeout(this.#timer)
    clearInterval(this.#watch)
    this.#source?.close()
    const source = new EventSource('events')
    this.#source = source
    this.#lastEventMs = performance.now()
    const hear = (take) => (event) => {
      this.#lastEventMs = performance.now()
      this.#delayMs = FIRST_DELAY_MS
      this.#listener.state('live')
      take(JSON.parse(event.data))
    }
    source.addEventListener('all', hear(this.#listener.all))
    source.addEventListener('tick', hear(this.#listener.tick))
    source.addEventListener('end', () => this.#again('The balancer has been told to end'))
    source.addEventListener('error', () => void this.#explain())
    this.#watch = setInterval(() => this.#look(), 1000)
  }

  #look() {
    const silentMs = performance.now() - this.#lastEventMs
    if (silentMs > GIVEN_UP_MS) this.#again('Nothing comes any more')
    else if (silentMs > STALLED_MS)
      this.#listener.state('stalled', `Silent for ${Math.round(silentMs / 1000)} s`)
  }

  async #explain() {
    this.#again('No connection')
    try {
      const { status } = await fetch('events', { method: 'HEAD' })
      if (status === 503) this.#listener.state('waiting', 'Too many pages are open')
      else if (status !== 200) this.#listener.state('waiting', 'It does not show itself to this address')
    } catch {
      // The state has been reported.
    }
  }

  #again(why) {
    clearTimeout(this.#timer)
    clearInterval(this.#watch)
    this.#source.close()
    this.#listener.state('waiting', why)
    this.#timer = setTimeout(() => this.#open(), this.#delayMs)
    this.#delayMs = Math.min(LONGEST_DELAY_MS, this.#delayMs * 2)
  }

  #hurry() {
    if (this.#source.readyState !== EventSource.CLOSED) return
    this.#delayMs = FIRST_DELAY_MS
    this.#open()
  }
}
