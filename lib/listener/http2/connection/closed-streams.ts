/** What became of a stream that is not open. */
export type ClosedState = 'skipped' | 'reset by us' | 'reset by the client' | 'ended'

/** Streams that were reset: what is on its way for the older ones has come by then. */
const MAX_RESETS = 1024
/** Gaps between the identifiers of streams: clients leave none. */
const MAX_GAPS = 16

/** What is known of the streams of a connection that are not open any more (RFC 9113 section 5.1). */
export class ClosedStreams {
  /** The latest stream that the client has opened. */
  lastId = 0
  /** Those that were reset, and whether by us; made when there is one. */
  #resets: Map<number, boolean> | undefined
  /** The first and the last identifier of each gap. */
  #gaps: (readonly [first: number, last: number])[] | undefined

  /** A stream was opened, above all before. */
  onOpened(id: number): void {
    const next = this.lastId === 0 ? 1 : this.lastId + 2
    if (id > next && (this.#gaps?.length ?? 0) < MAX_GAPS) {
      this.#gaps ??= []
      this.#gaps.push([next, id - 2])
    }
    this.lastId = id
  }

  onReset(id: number, isByUs: boolean): void {
    this.#resets ??= new Map()
    this.#resets.set(id, isByUs)
    if (this.#resets.size <= MAX_RESETS) return
    const [oldest] = this.#resets.keys()
    this.#resets.delete(oldest!)
  }

  /** @param id of a stream that was opened, or skipped, and is not open */
  stateOf(id: number): ClosedState {
    const isByUs = this.#resets?.get(id)
    if (isByUs !== undefined) return isByUs ? 'reset by us' : 'reset by the client'
    return this.#gaps?.some(([first, last]) => id >= first && id <= last) ? 'skipped' : 'ended'
  }
}
