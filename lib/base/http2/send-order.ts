/** Levels of urgency, 0 the most urgent (RFC 9218 section 4.1). */
export const URGENCIES = 8
export const DEFAULT_URGENCY = 3

/** A sender of DATA that waits for its turn. */
export interface DataSource {
  readonly id: number
  /** 0 to 7 (RFC 9218 section 4.1). */
  readonly urgency: number
  /** Whether it shares its turn with others of its urgency; otherwise it is sent whole before the next one (section 4.2). */
  readonly isIncremental: boolean
  /** Sends a frame of DATA. Returns whether it could send another one. */
  sendFrame(): boolean
}

interface Level {
  /** Sent one after the other, the oldest stream first. */
  readonly whole: DataSource[]
  /** Sent a frame each in turn. */
  readonly shared: DataSource[]
  /** Whether one of `shared` is next, where both wait. */
  isSharedNext: boolean
}

/**
 * Whose DATA is sent next, of those that wait (RFC 9218 section 10): the most urgent; among equals each that is incremental
 * has a frame in turn, and those that are not share one turn, which the oldest has.
 */
export class SendOrder {
  #size = 0
  readonly #levels: (Level | undefined)[] = []

  get size(): number {
    return this.#size
  }

  /** Adds a source at the end of its level, unless it waits already. */
  add(source: DataSource): void {
    const level = this.#level(source.urgency)
    if (level.whole.includes(source) || level.shared.includes(source)) return
    this.#size++
    if (source.isIncremental) {
      level.shared.push(source)
      return
    }
    const { whole } = level
    let at = whole.length
    while (at > 0 && whole[at - 1]!.id > source.id) at--
    whole.splice(at, 0, source)
  }

  /** Removes a source. Its urgency must be that with which it was added. */
  remove(source: DataSource): void {
    const level = this.#levels[source.urgency]
    if (!level) return
    for (const list of [level.whole, level.shared]) {
      const at = list.indexOf(source)
      if (at === -1) continue
      list.splice(at, 1)
      this.#size--
      return
    }
  }

  /** Has the next source send a frame. Returns false if none waits. */
  serveNext(): boolean {
    if (this.#size === 0) return false
    const level = this.#levels.find((each) => each && each.whole.length + each.shared.length > 0)!
    const { whole, shared } = level
    const isShared = whole.length === 0 || (shared.length > 0 && level.isSharedNext)
    level.isSharedNext = !isShared
    const source = isShared ? shared.shift()! : whole[0]!
    if (isShared) this.#size--
    if (!source.sendFrame()) {
      if (!isShared) this.remove(source)
    } else if (isShared) this.add(source)
    return true
  }

  #level(urgency: number): Level {
    this.#levels[urgency] ??= { whole: [], shared: [], isSharedNext: false }
    return this.#levels[urgency]
  }
}
