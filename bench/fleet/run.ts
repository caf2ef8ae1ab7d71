import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, Children } from '../children'
import { requireCommand } from '../commands'
import { freePorts, untilAnswering } from '../loopback'
import { Clients } from './clients'

// Sends one client's requests to three balancers that share a store, twice as many as may pass, and prints how many do in
// each second: with loads that change, while the store is killed, and while it is frozen.

const LIMIT = 1000
const OFFERED = 2000
const SECONDS = 14
/** The burst passes first. */
const SKIPPED_SECONDS = 3
const UNEVEN = [0.7, 0.2, 0.1]
const LB = path.join(__dirname, '../../bin/lb.js')
const BACKEND = path.join(__dirname, '../backend.js')

interface Scenario {
  readonly name: string
  /** How many may pass in a second. */
  readonly from: number
  readonly to: number
  readonly events: readonly (readonly [second: number, act: (clients: Clients, store: Child) => void])[]
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'uneven load that changes',
    from: 950,
    to: 1050,
    events: [
      [6, (clients) => clients.divide([0.1, 0.2, 0.7])],
      [10, (clients) => clients.divide([0.4, 0.3, 0.3])]
    ]
  },
  {
    name: 'the store is killed',
    from: 850,
    to: 1100,
    events: [[6, (_, { pid }) => void process.kill(pid, 'SIGKILL')]]
  },
  {
    name: 'the store is frozen, and goes on',
    from: 850,
    to: 1100,
    events: [
      [5, (_, { pid }) => void process.kill(pid, 'SIGSTOP')],
      [10, (_, { pid }) => void process.kill(pid, 'SIGCONT')]
    ]
  }
]

async function main(): Promise<void> {
  const children = new Children()
  let isWell = true
  for (const scenario of SCENARIOS) isWell = (await play(children, scenario)) && isWell
  process.exit(isWell ? 0 : 1)
}

async function play(children: Children, { name, from, to, events }: Scenario): Promise<boolean> {
  const [storePort = 0, backendPort = 0, ...ports] = await freePorts(5)
  const store = children.start('redis', 'load', {
    command: requireCommand('redis-server'),
    args: ['--port', `${storePort}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  })
  const node = process.execPath
  const backend = children.start('backend', 'load', { command: node, args: [BACKEND, `${backendPort}`] })
  await untilAnswering(backend, backendPort, 33)
  const env = {
    LB_BACKENDS: `127.0.0.1:${backendPort}`,
    LB_RATE_LIMIT: `${LIMIT}/s`,
    LB_SHARED: `redis://127.0.0.1:${storePort}`,
    LB_STATS_INTERVAL: '0'
  }
  const balancers = ports.map((port) =>
    children.start('balancer', 'proxy', { command: node, args: [LB, '-p', `${port}`], env })
  )
  for (const [index, balancer] of balancers.entries()) await untilAnswering(balancer, ports[index]!, 33)
  await sleep(1500)
  const clients = new Clients(ports, OFFERED, UNEVEN)
  for (const [second, act] of events) setTimeout(() => act(clients, store), second * 1000)
  await sleep(SECONDS * 1000)
  clients.stop()
  for (const child of [...balancers, backend, store]) await children.stop(child)
  const whole = clients.seconds.slice(SKIPPED_SECONDS, SECONDS)
  const passed = whole.map((second) => second.passed.reduce((all, one) => all + one, 0))
  const failed = whole.reduce((all, second) => all + second.failed, 0)
  const late = passed.filter((count) => count < from || count > to).length
  const sorted = clients.latenciesMs.toSorted((a, b) => a - b)
  console.log(`${name}: ${passed.join(' ')}`)
  console.log(
    `  ${late} of ${passed.length} seconds outside of ${from} to ${to}; mean ${Math.round(passed.reduce((a, b) => a + b, 0) / passed.length)}; ` +
      `${failed} failed; p99 ${sorted[Math.floor(sorted.length * 0.99)]!.toFixed(1)} ms`
  )
  return late === 0 && failed === 0
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
