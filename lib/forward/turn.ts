/** Something that may have a write of its own to make when a turn of the event loop ends. */
export interface Flushable {
  flush(): void
}

let waiting: Flushable[] = []

/**
 * Has `item` flushed when the events of this turn of the event loop have been handled, by one callback for all: a head
 * mostly has its body with it and goes along with that, but must not wait for one that is yet to come.
 */
export function flushAfterTurn(item: Flushable): void {
  if (waiting.push(item) === 1) setImmediate(flushAll)
}

function flushAll(): void {
  const items = waiting
  waiting = []
  for (const item of items) item.flush()
}
