/**
 * A process that opens many connections at once, each with one request. It prints when all are connected, and a report when
 * each has its answer or is closed. Then it keeps those that are open until it is killed.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'

export interface StormOptions {
  readonly port: number
  readonly count: number
  readonly isSecure?: boolean
  /** What each connection begins with, before the request. */
  readonly preface?: string
}

/** What became of the connections. */
export interface StormReport {
  /** How many were answered with which status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Those that were closed without an answer. */
  readonly unanswered: number
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

function storm({ port, count, isSecure = false, preface = '' }: StormOptions): void {
  const statuses: Record<string, number> = {}
  let [connected, settled, unanswered] = [0, 0, 0]
  const settle = () => {
    if (++settled === count) process.stdout.write(`${JSON.stringify({ statuses, unanswered })}\n`)
  }
  for (let i = 0; i < count; i++) {
    const raw = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      if (++connected === count) process.stdout.write('connected\n')
    })
    const socket: Socket = isSecure ? connectSecurely({ socket: raw, rejectUnauthorized: false }) : raw
    socket.write(preface + REQUEST)
    let isAnswered = false
    socket.once('data', (bytes) => {
      isAnswered = true
      const status = bytes.toString('latin1', 9, 12)
      statuses[status] = (statuses[status] ?? 0) + 1
      settle()
    })
    socket.on('error', () => {})
    socket.once('close', () => {
      if (isAnswered) return
      unanswered++
      settle()
    })
  }
}

if (require.main === module) storm(JSON.parse(process.argv[2]!) as StormOptions)
