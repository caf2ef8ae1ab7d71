import { Agent, request } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { Child } from '../support/child.js'

const CONNECTIONS = 32
const OUT_MS = 100
const CHECK_PERIOD_S = 0.5
/** Checks come up to a tenth later than their period says. */
const JITTER = 1.1
const MARGIN_MS = 300

const SERVER = `
require('node:http')
  .createServer((req, res) => res.end(String(process.pid)))
  .listen(Number(process.argv[1]), '127.0.0.1', () => console.log('up'))`

async function startBackend(t: Test, port: number): Promise<Child> {
  const child = new Child(t, ['-e', SERVER, `${port}`])
  await child.untilPrinted('up', 20_000)
  return child
}

/** Clients that send one request after another, each on a connection of its own. */
class Load {
  readonly failures: string[] = []
  answered = 0
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  readonly #port: number
  #over = false
  readonly #clients: Promise<void>[]

  constructor(t: Test, port: number) {
    this.#port = port
    this.#clients = Array.from({ length: CONNECTIONS }, () => this.#client())
    atEnd(t, () => this.stop())
  }

  async stop(): Promise<void> {
    this.#over = true
    await Promise.all(this.#clients)
    this.#agent.destroy()
  }

  async #client(): Promise<void> {
    while (!this.#over) {
      const failure = await this.#get()
      if (failure) this.failures.push(failure)
      else this.answered++
    }
  }

  #get(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const req = request({ host: '127.0.0.1', port: this.#port, agent: this.#agent }, (res) => {
        let body = ''
        res.on('data', (text) => {
          body += text
        })
        res.on('error', (error) => resolve(error.message))
        res.on('end', () => resolve(res.statusCode === 200 && body ? undefined : `${res.statusCode} ${body}`))
      })
      req.on('error', (error) => resolve(error.message))
      req.end()
    })
  }
}

const totals = ({ stats }: Balancer) => stats().backends.map(({ total }) => total)

test('a backend killed under load costs no client an error, and serves again when it is back', async (t) => {
  const ports = [await freePort(), await freePort()]
  const children = await Promise.all(ports.map((port) => startBackend(t, port)))
  const addresses = ports.map((port) => ({ address: `127.0.0.1:${port}` }))
  const balancer = await startBalancer(t, addresses, {
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_PERIOD: `${CHECK_PERIOD_S}`
  })
  const load = new Load(t, balancer.port)
  await eventually(() => totals(balancer).every((total) => total > 200), 5000)

  let outAt = 0
  balancer.registry.on('state', ({ to }) => {
    if (to === 'unhealthy') outAt = performance.now()
  })
  // A machine that is busy otherwise takes its time to kill and to tell.
  const lag = monitorEventLoopDelay({ resolution: 5 })
  lag.enable()
  const killedAt = performance.now()
  children[0]!.kill('SIGKILL')
  await sleep(500)
  const took = outAt - killedAt
  t.ok(outAt > 0 && took < OUT_MS + (2 * lag.max) / 1e6, `out ${took} ms after it was killed`)
  const total = totals(balancer)[0]
  const { answered } = load
  await sleep(300)
  t.equal(totals(balancer)[0], total, 'it gets no request any more')
  t.ok(load.answered > answered, 'the other does the work')

  await startBackend(t, ports[0]!)
  const backAt = performance.now()
  await eventually(() => totals(balancer)[0]! > total!, 5000)
  const back = performance.now() - backAt
  t.ok(back < 2 * CHECK_PERIOD_S * 1000 * JITTER + MARGIN_MS, `serves again after ${back} ms`)
  await load.stop()
  t.same(load.failures, [])
  t.ok(load.answered > 500, `${load.answered} answers`)
  t.equal(balancer.stats().requests.failed, 0)
  const [killed] = balancer.stats().backends
  t.equal(killed!.retries, killed!.failed, 'what failed there was answered elsewhere')
})
