import type { Server } from 'node:net'
import { setImmediate } from 'node:timers/promises'

/** If clients keep connecting, the rest of them is reset. */
const MAX_MS = 1000
/** Consecutive turns of the event loop without a connection: libuv accepts one a turn. */
const QUIET_TURNS = 2

/**
 * Waits until the connections in the accept queue are accepted: their clients consider them established, and the system
 * resets them when the port is closed.
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
