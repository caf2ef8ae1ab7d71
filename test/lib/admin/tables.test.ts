import t from 'tap'
import { liveTable, type Snapshot } from '../../../lib/admin/live-table.js'
import { statusTable } from '../../../lib/admin/text-table.js'
import { type BackendView, backendView } from '../../../lib/observe/backend-view.js'
import type { Statistics } from '../../../lib/observe/statistics.js'
import { BackendCell } from '../../../lib/pool/counters.js'
import { registryOf } from '../../support/registry.js'

const STATISTICS = {
  version: '1.2.3',
  state: 'serving',
  uptimeSeconds: 61.7,
  requests: {
    inFlight: 3,
    queued: 1,
    total: 0,
    failed: 2,
    rejected: { overload: 1, noBackend: 2, queueFull: 4, queueTimeout: 8, outageTimeout: 16, badRequest: 32 }
  },
  connections: { open: 5 },
  latency: { windowSeconds: 60, p50Ms: 1.26, p90Ms: 9.96, p99Ms: 123.4, maxMs: 5000 }
} as unknown as Statistics

const snapshot = (atMs: number, total: number, backends: readonly BackendView[]): Snapshot => ({
  atMs,
  statistics: { ...STATISTICS, requests: { ...STATISTICS.requests, total } },
  backends
})

t.test('numbers stand to the right, and orders are told', async (t) => {
  const registry = registryOf('a:80;weight=3 long.example:80;max=250;backup c:80')
  registry.setDraining(registry.backends[1]!, true, 'test')
  registry.force(registry.backends[2]!, 'unhealthy', 'set\x1b[2J by hand')
  registry.backends[0]!.acquire()
  t.same(statusTable(registry.backends.map(backendView)).split('\n'), [
    'BACKEND          STATE      WEIGHT  MAX  ACTIVE  TOTAL  FAILED  RETRIES  ORDERS        REASON',
    'a:80             healthy         3  -         1      1       0        0  -             taken for healthy at the start',
    'long.example:80  draining        1  250       0      0       0        0  backup,drain  taken for healthy at the start',
    'c:80             unhealthy       1  -         0      0       0        0  unhealthy     set?[2J by hand'
  ])
})

t.test('rates are those since the snapshot before', async (t) => {
  const registry = registryOf('a:80 b:80')
  const [a] = registry.backends
  const views = () => registry.backends.map(backendView)
  const first = snapshot(1000, 100, views())
  a!.counters.addTotal(BackendCell.total, 50)
  a!.counters.addTotal(BackendCell.failed, 3)
  const second = snapshot(1500, 160, views())
  t.same(liveTable(second, first).split('\n'), [
    'fairlead 1.2.3  serving  61 s up',
    '120 req/s  3 in flight  1 queued  2 failed  31 refused  5 connections',
    'latency of 60 s: p50 1.3 ms  p90 10.0 ms  p99 123 ms  max 5000 ms',
    '',
    'BACKEND  STATE    WEIGHT  ACTIVE  REQ/S  5XX/S  FAIL/S  TOTAL  ORDERS',
    'a:80     healthy       1       0    100      0       6     50  -',
    'b:80     healthy       1       0      0      0       0      0  -'
  ])
  t.match(liveTable(second, undefined), /^0 req\/s/m, 'and none for the first one')
  const restarted = snapshot(2000, 10, views())
  t.match(liveTable(restarted, second), /^0 req\/s/m, 'nor below zero, after a restart')
  registry.remove(a!)
  registry.add(a!.config)
  t.match(
    liveTable(snapshot(2000, 200, views()), second),
    /^a:80 .* 0 +0 +0 +0 +-$/m,
    'a new one of the same address'
  )
})
