/** Something that holds writes back within a turn of the event loop. */
export interface Flushable {
  /** Sends what was held back. */
  flush(): void
}

let waiting: Flushable[] = []

/**
 * Has `item` flushed when the events of this turn have been handled. One callback a turn serves all, so that the
 * parts of a message that arrive together leave together, and none waits for a part that is yet to come.
 */
export function flushAfterTurn(item: Flushable): void {
  if (waiting.push(item) === 1) setImmediate(flushAll)
}

function flushAll(): void {
  const items = waiting
  waiting = []
  for (const item of items) item.flush()
}
