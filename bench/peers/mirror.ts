import { createServer } from 'node:net'
import path from 'node:path'
import { fairleadOfFile } from './fairlead'
import type { Peer } from './peer'

/** A balancer without a mirror, and the same with one for all requests, whose pool is of no use. */
export const mirrors: Peer[] = [
  fairleadOfFile('no-mirror', 'mirror', ({ backends }) => contentWith(backends)),
  fairleadOfFile('dead-mirror', 'mirror', ({ backends, folder }) =>
    contentWith(backends, `unix:${path.join(folder, 'nobody')}`)
  ),
  fairleadOfFile('hanging-mirror', 'mirror', ({ backends, folder }) =>
    contentWith(backends, hangingIn(folder))
  )
]

/** @param shadow a backend that gets a copy of each request, and would not pass a check */
function contentWith(backends: readonly string[], shadow?: string): object {
  const web = { backends }
  if (shadow === undefined) return { pools: { web }, routes: [{ pool: 'web' }] }
  return {
    pools: { web, shadow: { backends: [shadow], 'health-check': false, ejection: false } },
    routes: [{ pool: 'web', mirror: { pool: 'shadow', percent: 100 } }]
  }
}

/** Where each connection is accepted, and nothing answered. */
function hangingIn(folder: string): string {
  const socketPath = path.join(folder, 'shadow')
  createServer((socket) => socket.on('error', () => {}).unref())
    .listen(socketPath)
    .unref()
  return `unix:${socketPath}`
}
