import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Children } from '../../bench/children.js'
import { freePorts } from '../../bench/loopback.js'
import type { Statistics } from '../../lib/observe/statistics.js'

// Threads of a balancer die at random under load, again and again. What must hold is checked at the end:
// `npm run soak:threads -- DEATHS SECONDS_OF_LOAD_EACH`

const DEATHS = Number(process.argv[2] ?? 50)
const LOAD_S = Number(process.argv[3] ?? 2)
const THREADS = 3
const LIMITS = [1, 8, 16]
const CONNECTIONS = 48
const SETTLE_MS = 3000
const EARLIEST_MS = 300
const POLL_MS = 20
const REPLACED_WITHIN_MS = 20_000
const LB = path.join(__dirname, '../../bin/lb.js')

const run = promisify(execFile)

interface Counts {
  readonly total: number
  readonly most: number
  readonly exceeded: number
}

const get = async (url: string) => (await fetch(url, { headers: { connection: 'close' } })).json()

async function main(): Promise<void> {
  const children = new Children()
  const [port, adminPort, ...ports] = (await freePorts(2 + LIMITS.length)) as [number, number, ...number[]]
  for (const [i, backendPort] of ports.entries())
    children.start('backend', 'load', {
      command: process.execPath,
      args: [path.join(__dirname, 'backend.js'), `${backendPort}`, `${LIMITS[i]}`]
    })
  const faultFile = path.join(children.folder, 'fault')
  const balancer = children.start('balancer', 'proxy', {
    command: process.execPath,
    args: [
      LB,
      '-p',
      `${port}`,
      '-b',
      ...ports.map((each, i) => `127.0.0.1:${each};no-check;max=${LIMITS[i]}`)
    ],
    env: {
      LB_THREADS: `${THREADS}`,
      LB_ADMIN_PORT: `${adminPort}`,
      LB_STATS_INTERVAL: '0',
      LB_QUEUE_TIMEOUT: '10',
      LB_NO_EJECTION: 'true',
      NODE_OPTIONS: `--require ${path.join(__dirname, 'fault.js')}`,
      THREAD_FAULT_FILE: faultFile
    }
  })
  const started = () => balancer.output().split('accepts connections too').length - 1
  const untilStarted = async (count: number) => {
    const untilMs = performance.now() + REPLACED_WITHIN_MS
    while (started() < count) {
      if (balancer.hasExited()) throw new Error(`the balancer ended:\n${balancer.output().slice(-2000)}`)
      if (performance.now() > untilMs) throw new Error(`${started()} threads have started, of ${count}`)
      await sleep(POLL_MS)
    }
  }
  await untilStarted(THREADS - 1)
  const stats = () => get(`http://127.0.0.1:${adminPort}/__lb/stats`) as Promise<Statistics>
  const before = await stats()
  const wrk = { answered: 0, lost: 0, others: 0 }
  for (let death = 1; death <= DEATHS; death++) {
    // With connections of its own, which all threads share.
    const load = run('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${LOAD_S}`, `http://127.0.0.1:${port}/`])
    await sleep(EARLIEST_MS + Math.random() * (LOAD_S * 1000 - 2 * EARLIEST_MS))
    writeFileSync(faultFile, `${1 + Math.floor(Math.random() * (THREADS - 1))} die`)
    const { stdout } = await load
    const figure = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? 0)
    wrk.answered += figure(/(\d+) requests in/)
    wrk.lost += figure(/read (\d+)/)
    wrk.others +=
      figure(/Non-2xx or 3xx responses: (\d+)/) + figure(/connect (\d+)/) + figure(/timeout (\d+)/)
    await untilStarted(THREADS - 1 + death)
  }
  await sleep(SETTLE_MS)
  const after = await stats()
  const counts = (await Promise.all(ports.map((each) => get(`http://127.0.0.1:${each}/counts`)))) as Counts[]
  const { requests, backends } = after
  const failed = requests.failed - before.requests.failed
  const slots = backends.reduce((sum, { active }) => sum + active, 0)
  console.log(`${DEATHS} deaths of threads, ${wrk.answered} requests answered, ${wrk.lost} lost`)
  const checks: [string, boolean, unknown][] = [
    ['no answer but 200, and no connection refused', wrk.others === 0, `${wrk.others} others`],
    // One that a thread had not read yet is lost as well.
    ['no request is counted as failed but those that were lost', failed <= wrk.lost, `${failed} failed`],
    [
      'nothing is in flight, and no slot is held',
      requests.inFlight + requests.queued + slots === 0,
      JSON.stringify({ inFlight: requests.inFlight, queued: requests.queued, slots })
    ],
    [
      'no backend ever had more than its limit',
      counts.every(({ exceeded }) => exceeded === 0),
      JSON.stringify(counts)
    ],
    ['each backend was used up to its limit', counts.every(({ most }, i) => most >= LIMITS[i]!), '']
  ]
  for (const [name, holds, figures] of checks) console.log(`${holds ? 'ok  ' : 'FAIL'} ${name} ${figures}`)
  await children.stop(balancer)
  process.exit(checks.every(([, holds]) => holds) ? 0 : 1)
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
