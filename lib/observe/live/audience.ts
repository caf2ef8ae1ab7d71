/** What is needed of a response to write events to. */
export interface Listener {
  /** Bytes that wait for the other side. */
  readonly writableLength: number
  write(text: string): unknown
  end(text: string): unknown
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

/** One who has read nothing for so many events is gone. */
const PATIENCE = 30
/** What is written last has so long to leave. */
const FAREWELL_MS = 500

/**
 * Those who listen, in a bounded number. Nothing is kept for one who reads slowly: events pass by until there is room,
 * and then comes the whole.
 */
export class Audience {
  readonly #limit: number
  /** How many events each has missed in a row. */
  readonly #missed = new Map<Listener, number>()

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
  join(listener: Listener, first: string): void {
    this.#missed.set(listener, 0)
    listener.once('close', () => this.#missed.delete(listener))
    listener.write(first)
  }

  /**
   * Tells everyone of an event. Each text is made once, and only if somebody needs it.
   * @param event for who has heard the one before
   * @param whole for who has not
   */
  tell(event: () => string, whole: () => string): void {
    let eventText: string | undefined
    let wholeText: string | undefined
    for (const [listener, missed] of this.#missed) {
      if (listener.writableLength > 0) {
        if (missed + 1 >= PATIENCE) listener.destroy()
        else this.#missed.set(listener, missed + 1)
      } else if (missed > 0) {
        wholeText ??= whole()
        this.#missed.set(listener, 0)
        listener.write(wholeText)
      } else {
        eventText ??= event()
        listener.write(eventText)
      }
    }
  }

  /** Tells everyone this, and no more. Who does not read it in time is cut off. */
  end(last: string): void {
    for (const listener of this.#missed.keys()) {
      listener.end(last)
      const timer = setTimeout(() => listener.destroy(), FAREWELL_MS)
      listener.once('close', () => clearTimeout(timer))
    }
  }
}
