/** What is needed of a response to write events to. */
export interface Subscriber {
  /** Bytes that wait for the other side. */
  readonly writableLength: number
  write(text: string): unknown
  end(text: string): unknown
  destroy(): unknown
  once(event: 'close', subscriber: () => void): unknown
}

/** One who has read nothing for so many events is gone. */
const MAX_MISSED_EVENTS = 30
/** What is written last has so long to leave. */
const CLOSE_TIMEOUT_MS = 500

/**
 * Those who listen, in a bounded number. Nothing is kept for one who reads slowly: events pass by until there is room,
 * and then comes the whole.
 */
export class Subscribers {
  readonly #limit: number
  /** How many events each has missed in a row. */
  readonly #missed = new Map<Subscriber, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#missed.size
  }

  get isFull(): boolean {
    return this.size >= this.#limit
  }

  /** Takes one in, who is told this first. */
  add(subscriber: Subscriber, first: string): void {
    this.#missed.set(subscriber, 0)
    subscriber.once('close', () => this.#missed.delete(subscriber))
    subscriber.write(first)
  }

  /**
   * Tells everyone of an event. Each text is made once, and only if somebody needs it.
   * @param event for who has heard the one before
   * @param whole for who has not
   */
  send(event: () => string, whole: () => string): void {
    let eventText: string | undefined
    let wholeText: string | undefined
    for (const [subscriber, missed] of this.#missed) {
      if (subscriber.writableLength > 0) {
        if (missed + 1 >= MAX_MISSED_EVENTS) subscriber.destroy()
        else this.#missed.set(subscriber, missed + 1)
      } else if (missed > 0) {
        wholeText ??= whole()
        this.#missed.set(subscriber, 0)
        subscriber.write(wholeText)
      } else {
        eventText ??= event()
        subscriber.write(eventText)
      }
    }
  }

  /** Tells everyone this, and no more. Who does not read it in time is cut off. */
  end(last: string): void {
    for (const subscriber of this.#missed.keys()) {
      subscriber.end(last)
      const timer = setTimeout(() => subscriber.destroy(), CLOSE_TIMEOUT_MS)
      subscriber.once('close', () => clearTimeout(timer))
    }
  }
}
