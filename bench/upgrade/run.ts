import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeCertificate } from '../certificate'
import { type Child, Children } from '../children'
import { freePorts, untilAnswering } from '../loopback'
import { Load } from './load'

// Upgrades a balancer again and again, by SIGUSR2, under load, and prints what clients notice and what it takes.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: 'string', default: '512' },
    threads: { type: 'string', default: '1' },
    tls: { type: 'boolean', default: false }
  }
})
const UPGRADES = Number(positionals[0] ?? 20)
const CLIENTS = Number(values.clients)
const BACKENDS = 2
/** A quarter of the clients connect anew for each request. */
const NEW_SHARE = 0.25
const MAX_PAUSE_MS = 400
const WARM_UP_MS = 2000
/** Between two upgrades. */
const BETWEEN_MS = 1000
const UPGRADED_WITHIN_MS = 60_000
const DRAINED_WITHIN_MS = 20_000
const POLL_MS = 10
const LB = path.join(__dirname, '../../bin/lb.js')
const BACKEND = path.join(__dirname, '../backend.js')

async function main(): Promise<void> {
  const children = new Children()
  const [port, ...ports] = (await freePorts(1 + BACKENDS)) as [number, ...number[]]
  for (const each of ports) {
    const backend = children.start('backend', 'load', {
      command: process.execPath,
      args: [BACKEND, `${each}`]
    })
    await untilAnswering(backend, each, 33)
  }
  const files = values.tls ? makeCertificate('openssl', children.folder) : undefined
  const balancer = children.start('balancer', 'proxy', {
    command: process.execPath,
    args: [LB, '-p', `${port}`, '-b', ...ports.map((each) => `127.0.0.1:${each}`)],
    env: {
      LB_THREADS: values.threads,
      LB_STATS_INTERVAL: '0',
      ...(files ? { LB_TLS_CERT: files.certFile, LB_TLS_KEY: files.keyFile } : {})
    }
  })
  // Its successors are in its process group.
  process.once('exit', () => killGroup(balancer.pid))
  await untilAnswering(balancer, port, 33, { tls: values.tls, http2: false })
  const load = new Load({
    port,
    isSecure: values.tls,
    clients: CLIENTS,
    newShare: NEW_SHARE,
    maxPauseMs: MAX_PAUSE_MS
  })
  await sleep(WARM_UP_MS)
  let pid = balancer.pid
  const took: number[] = []
  for (let count = 1; count <= UPGRADES; count++) {
    const beganMs = performance.now()
    process.kill(pid, 'SIGUSR2')
    pid = await upgraded(balancer, count)
    took.push(performance.now() - beganMs)
    await sleep(BETWEEN_MS)
  }
  const drained = await untilDrained(balancer, UPGRADES)
  const { answered, opened, failures, closedUnasked } = await load.stop()
  process.kill(pid, 'SIGTERM')
  await untilDrained(balancer, UPGRADES + 1)
  const warnings = balancer.output().split('\n').filter(isWarning)
  console.log(
    `${UPGRADES} upgrades on Node.js ${process.version} with LB_THREADS=${values.threads}${values.tls ? ' and TLS' : ''}, ` +
      `${CLIENTS} clients, of which ${CLIENTS * NEW_SHARE} connect anew each time`
  )
  const sorted = took.toSorted((a, b) => a - b)
  console.log(
    `until the new process has taken over: median ${Math.round(sorted[sorted.length >> 1]!)} ms, longest ${Math.round(sorted.at(-1)!)} ms; ${drained} of ${UPGRADES} old ones have drained`
  )
  console.log(
    `${answered} requests answered over ${opened} connections, ${failures.length} failed${failures.length > 0 ? `: ${[...new Set(failures)].join(', ')}` : ''}; ` +
      `${closedUnasked} idle connections closed by the balancer; ${warnings.length} warnings in its log`
  )
  if (failures.length > 0 || drained < UPGRADES || warnings.length > 0) {
    console.log(warnings.slice(0, 5).join('\n'))
    process.exitCode = 1
  }
  process.exit()
}

const isWarning = (line: string) => line.startsWith('{') && JSON.parse(line).level >= 40

/** Waits until another process has taken over. Returns its number. */
async function upgraded(balancer: Child, count: number): Promise<number> {
  const untilMs = performance.now() + UPGRADED_WITHIN_MS
  for (;;) {
    const lines = [...balancer.output().matchAll(/"successor":(\d+)/g)]
    if (lines.length >= count) return Number(lines[count - 1]![1])
    if (performance.now() > untilMs || /No process has taken over/.test(balancer.output()))
      throw new Error(`no upgrade:\n${balancer.output().slice(-2000)}`)
    await sleep(POLL_MS)
  }
}

/** Waits until so many processes have drained, but not for ever. Returns how many have. */
async function untilDrained(balancer: Child, count: number): Promise<number> {
  const untilMs = performance.now() + DRAINED_WITHIN_MS
  const drained = () => balancer.output().split('Drained: every connection is closed').length - 1
  while (drained() < count && performance.now() < untilMs) await sleep(POLL_MS)
  return drained()
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it is gone already.
  }
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
