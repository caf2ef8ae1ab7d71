/** A response whose head was written and may have to be sent alone. */
export interface Headed {
  /** Sends the head, unless something of the body has taken it along. */
  flushHead(): void
}

const waiting: Headed[] = []

/**
 * A body mostly comes with its head and takes it along; a head that is still alone at the end of this turn of the
 * event loop is sent by itself. One callback a turn serves all.
 */
export function flushHeadSoon(response: Headed): void {
  if (waiting.push(response) === 1) setImmediate(flushAll)
}

function flushAll(): void {
  for (const response of waiting) response.flushHead()
  waiting.length = 0
}
