import { setFlagsFromString } from 'node:v8'

const OF_OPERATOR = /semi[-_]space/

/** Whether flags of Node say how large the young generation is to be. */
const isGiven = OF_OPERATOR.test(`${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`)

/** More requests at once than these survive a small one, for nothing. */
const MANY_CONNECTIONS = 128
const INTERVAL_MS = 1000

// V8 enlarges the young generation of its heap when much survives, as all does that a start loads: it would hold 7 MB from
// then on, and later more, that few requests do not need. So it stays as small as it is now, until there are many.
if (!isGiven) setFlagsFromString('--semi-space-growth-factor=1')

/**
 * Has V8 enlarge it as it sees fit, up to 3 × 16 MB, once there are many connections.
 * @returns ends the watch for them
 */
export function enlargeForMany(connections: { readonly size: number }): () => void {
  const timer = setInterval(() => {
    if (connections.size <= MANY_CONNECTIONS) return
    clearInterval(timer)
    if (!isGiven) setFlagsFromString('--semi-space-growth-factor=2')
  }, INTERVAL_MS).unref()
  return () => clearInterval(timer)
}
