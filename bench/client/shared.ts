import { setTimeout as sleep } from 'node:timers/promises'

import type { LoadReport, Shares } from '../load-report'
import { nowMs } from './clock'
import type { Target } from './connection'
import { Http2Connection } from './http2-connection'
import { Tally } from './tally'

/** What one of the streams that share a connection has had; it asks again when its response has ended. */
interface Download {
  bytes: number
  hasBegun: boolean
}

/** Connections of HTTP/2 on each of which many downloads go on at once; a latency is the time to a first byte. */
export async function shared(
  target: Target,
  connections: number,
  streams: number,
  seconds: number
): Promise<LoadReport> {
  const tally = new Tally()
  const startMs = nowMs()
  const opened = Array.from({ length: connections }, () => openShared(target, streams, tally))
  await sleep(seconds * 1000)
  const waitedMs = nowMs() - startMs
  for (const { connection } of opened) connection.close()
  const downloads = opened.flatMap(({ downloads }) => downloads)
  for (const { hasBegun } of downloads) if (!hasBegun) tally.unanswered(waitedMs)
  const counts = downloads.map(({ bytes }) => bytes)
  return {
    ...tally.report(),
    bytes: counts.reduce((total, bytes) => total + bytes, 0),
    shares: sharesOf(counts)
  }
}

function openShared(target: Target, streams: number, tally: Tally) {
  const startMs = nowMs()
  const downloads: Download[] = Array.from({ length: streams }, () => ({ bytes: 0, hasBegun: false }))
  const byStream = new Map<number, Download>()
  const connection = new Http2Connection(target, {
    connected: () => {
      for (const download of downloads) byStream.set(connection.get(), download)
    },
    headed: (_streamId, isGood) => {
      if (!isGood) tally.failures.status++
    },
    received: (streamId, bytes) => {
      const download = byStream.get(streamId)!
      if (!download.hasBegun) tally.answered(200, nowMs() - startMs)
      download.hasBegun = true
      download.bytes += bytes
    },
    ended: (streamId, isWhole) => {
      const download = byStream.get(streamId)!
      byStream.delete(streamId)
      if (isWhole) byStream.set(connection.get(), download)
      else tally.failures.read++
    },
    lost: () => {
      tally.failures.connect++
    }
  })
  return { connection, downloads }
}

/** The spread of some counts; all 0 if those are. */
export function sharesOf(counts: readonly number[]): Shares {
  const mean = counts.reduce((total, count) => total + count, 0) / counts.length
  if (!(mean > 0)) return { least: 0, most: 0, deviation: 0 }
  const squares = counts.reduce((total, count) => total + (count / mean - 1) ** 2, 0)
  return {
    least: Math.min(...counts) / mean,
    most: Math.max(...counts) / mean,
    deviation: Math.sqrt(squares / counts.length)
  }
}
