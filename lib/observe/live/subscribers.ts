/** What events need of a response. */
export interface Subscriber {
  /** Bytes that wait to be sent. */
  readonly writableLength: number
  write(text: string): unknown
  end(text: string): unknown
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

/** A subscriber that has read nothing during so many events is disconnected. */
const MAX_MISSED_EVENTS = 30
/** Time for the last event to be sent. */
const CLOSE_TIMEOUT_MS = 500

/**
 * The subscribers of an event stream, in a limited number. Nothing is buffered for a slow one: it misses events until it
 * has read what it was sent, and then gets a snapshot.
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

  /** Adds a subscriber, and sends it the first event. */
  add(subscriber: Subscriber, first: string): void {
    this.#missed.set(subscriber, 0)
    subscriber.once('close', () => this.#missed.delete(subscriber))
    subscriber.write(first)
  }

  /**
   * Sends an event to all. Each text is made once, and only if somebody needs it.
   * @param event for those who got the event before
   * @param snapshot for those who missed it
   */
  send(event: () => string, snapshot: () => string): void {
    let eventText: string | undefined
    let snapshotText: string | undefined
    for (const [subscriber, missed] of this.#missed) {
      if (subscriber.writableLength > 0) {
        if (missed + 1 >= MAX_MISSED_EVENTS) subscriber.destroy()
        else this.#missed.set(subscriber, missed + 1)
      } else if (missed > 0) {
        snapshotText ??= snapshot()
        this.#missed.set(subscriber, 0)
        subscriber.write(snapshotText)
      } else {
        eventText ??= event()
        subscriber.write(eventText)
      }
    }
  }

  /** Sends a last event to all, and disconnects those who do not read it in time. */
  end(last: string): void {
    for (const subscriber of this.#missed.keys()) {
      subscriber.end(last)
      const timer = setTimeout(() => subscriber.destroy(), CLOSE_TIMEOUT_MS)
      subscriber.once('close', () => clearTimeout(timer))
    }
  }
}
