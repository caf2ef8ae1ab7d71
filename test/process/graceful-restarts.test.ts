import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tap, { type Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, eventually, sleep, startBalancer, test } from '../helper.js'
import { needs } from '../support/command.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

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
