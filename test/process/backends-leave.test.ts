import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import tap, { type Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { Child } from '../support/child.js'
import { needs } from '../support/command.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

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

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const RESTARTS = 4
/** A server that is restarted while it restarts loses what it has taken. */
const RESTART_EVERY_MS = 800
const CLIENTS = 10

/** Has Apache keep connections, and give each of HTTP/1.1 a few requests. */
const apacheConfig = (folder: string, port: number) => `
ServerRoot ${folder}
PidFile ${folder}/apache.pid
Listen 127.0.0.1:${port}
ServerName localhost
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
DocumentRoot ${folder}
ErrorLog ${folder}/error.log
MaxKeepAliveRequests 50
StartServers 1
User nobody
Group nogroup
`

/** Has nginx take a few requests on each connection. */
const nginxConfig = (folder: string, port: number, isHttp2: boolean) => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n')}
  keepalive_requests ${isHttp2 ? 3 : 50};
  server { listen 127.0.0.1:${port}${isHttp2 ? ' http2' : ''}; return 204; }
}
`

/** Starts a server with this configuration, and waits until it accepts connections. */
async function started(
  t: Test,
  program: string,
  args: string[],
  config: string,
  folder: string,
  port: number
) {
  const file = path.join(folder, 'server.conf')
  writeFileSync(file, config)
  const child = spawn(program, [...args, file], { stdio: 'ignore' })
  atEnd(t, async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  })
  await eventually(() => isAccepted(port), 10_000)
  return child
}

function isAccepted(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

/** Restarts a server in good order again and again under load. */
async function restarted(t: Test, address: string, server: ChildProcess, signal: NodeJS.Signals) {
  const balancer = await startBalancer(t, address)
  let isOver = false
  let right = 0
  const load = Array.from({ length: CLIENTS }, async () => {
    const client = await RawClient.open(t, balancer.port)
    while (!isOver) {
      client.send(GET)
      const response = await client.response()
      if (statusOf(response) < 500) right++
      else t.fail(`${response.startLine} ${response.body}`)
      // Some of its connections lie idle as it restarts.
      await sleep(Math.random() * 20)
    }
  })
  for (let i = 0; i < RESTARTS; i++) {
    await sleep(RESTART_EVERY_MS)
    server.kill(signal)
  }
  await sleep(RESTART_EVERY_MS)
  isOver = true
  await Promise.all(load)
  t.equal(server.exitCode, null, 'it runs')
  t.ok(right > 20, `${right} were answered`)
  t.equal(balancer.stats().requests.failed, 0)
}

function publicFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'restarts-'))
  // Its workers are another user.
  chmodSync(folder, 0o755)
  return folder
}

test('restarts of Apache in good order cost no GET an error', async (t) => {
  const hasModules = existsSync('/usr/lib/apache2/modules/mod_mpm_event.so')
  if (!needs(t, 'apache2') || !hasModules) return
  const [folder, port] = [publicFolder(), await freePort()]
  const args = ['-DFOREGROUND', '-f']
  const server = await started(t, 'apache2', args, apacheConfig(folder, port), folder, port)
  await restarted(t, `127.0.0.1:${port}`, server, 'SIGUSR1')
})

for (const isHttp2 of [false, true]) {
  test(`nor do reloads of nginx, by ${isHttp2 ? 'HTTP/2' : 'HTTP/1.1'}`, async (t) => {
    if (!needs(t, 'nginx')) return
    const [folder, port] = [publicFolder(), await freePort()]
    const config = nginxConfig(folder, port, isHttp2)
    const server = await started(t, 'nginx', ['-e', `${folder}/error.log`, '-c'], config, folder, port)
    await restarted(t, `127.0.0.1:${port}${isHttp2 ? ';h2' : ''}`, server, 'SIGHUP')
  })
}

tap.setTimeout(60_000)
