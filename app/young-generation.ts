// Node has its own modules compiled, for the flags of V8 that it was built with. Those of a server are loaded before the flag
// changes: to compile them again would take 30 ms.
import 'node:child_process'
import 'node:cluster'
import 'node:crypto'
import 'node:dns'
import 'node:fs/promises'
import 'node:http2'
import 'node:https'
import 'node:vm'
import 'node:worker_threads'
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'

const OF_OPERATOR = /semi[-_]space/
const INTERVAL_MS = 250
/** Above this share of the time, collecting garbage costs more than the memory is worth. */
const MAX_SHARE = 0.05

/** Whether flags of Node say how large the young generation is to be. */
const isGiven = OF_OPERATOR.test(`${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`)

// V8 enlarges the young generation of its heap when much survives, as all does that a start loads: it would hold 7 MB from
// then on, and later up to 3 × 16 MB, that few requests do not need. So it stays as it is now, until it turns out too small.
allowGrowth(false)

/** Whether V8 may enlarge it, at a collection that much survives. */
function allowGrowth(isAllowed: boolean): void {
  if (!isGiven) setFlagsFromString(`--semi-space-growth-factor=${isAllowed ? 2 : 1}`)
}

/**
 * From now on the young generation grows while collecting garbage takes more than a twentieth of the time: with many
 * connections, or many new ones, much is in use at each collection, and survives it for nothing.
 * @returns ends that
 */
export function growAsNeeded(): () => void {
  let collectingMs = 0
  let sinceMs = performance.now()
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collectingMs += duration
  })
  observer.observe({ entryTypes: ['gc'] })
  const timer = setInterval(() => {
    const nowMs = performance.now()
    allowGrowth(collectingMs > MAX_SHARE * (nowMs - sinceMs))
    collectingMs = 0
    sinceMs = nowMs
  }, INTERVAL_MS).unref()
  return () => {
    clearInterval(timer)
    observer.disconnect()
  }
}
