import type { Server } from 'node:net'
import { setImmediate } from 'node:timers/promises'

/** While clients keep coming, the rest of them is left. */
const MAX_MS = 1000
/** Turns of the event loop in a row without a connection, of which libuv accepts one a turn. */
const QUIET_TURNS = 2

/**
 * Waits until the connections are accepted that clients have opened already, as far as they know: the system resets
 * those that are in its queue when the port closes.
 */
export async function acceptQueued(server: Server): Promise<void> {
  let quietTurns = 0
  const onConnection = () => {
    quietTurns = 0
  }
  server.on('connection', onConnection).on('drop', onConnection)
  const untilMs = performance.now() + MAX_MS
  while (quietTurns < QUIET_TURNS && performance.now() < untilMs) {
    quietTurns++
    await setImmediate()
  }
  server.off('connection', onConnection).off('drop', onConnection)
}
