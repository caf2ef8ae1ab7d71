import { spawn } from 'node:child_process'
import { appendFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, eventually, sleep, startBalancer, test } from '../helper.js'
import { needs } from '../support/command.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** A `dnsmasq` that answers by a file of hosts, and what stops, freezes and tells it of changes. */
function dnsmasq(t: Test, port: number, hosts: string) {
  const args = ['--no-daemon', '--no-resolv', '--no-hosts', '--local-ttl=1', '--listen-address=127.0.0.1']
  const child = spawn('dnsmasq', [...args, '--bind-interfaces', `--port=${port}`, `--addn-hosts=${hosts}`], {
    stdio: 'ignore'
  })
  atEnd(t, () => void child.kill('SIGKILL'))
  return child
}

test('backends come and go by the records of a real server, which is killed, frozen and started, under load', async (t) => {
  if (!needs(t, 'dnsmasq')) return
  const hosts = path.join(t.testdir(), 'hosts')
  const port = await freePort()
  const backend = await scripted(t, answering(OK))
  const [, backendPort] = backend.address.split(':')
  writeFileSync(hosts, '127.0.0.1 app.test\n')
  let server = dnsmasq(t, port, hosts)
  await sleep(300)
  const source = `dns://app.test:${backendPort}`
  const balancer = await startBalancer(t, `${source};resolve-min=0.1;resolve-max=0.3`, {
    LB_DNS_SERVERS: `127.0.0.1:${port}`
  })
  const { registry, stats } = balancer
  await eventually(() => registry.backends.length === 1)
  let isOver = false
  const statuses = new Set<number | undefined>()
  const client = await RawClient.open(t, balancer.port)
  const load = (async () => {
    while (!isOver) {
      client.send(GET)
      statuses.add(statusOf(await client.response()))
    }
  })().catch((error: Error) => t.error(error))
  const status = () => stats().pools[0]!.sources[0]!
  appendFileSync(hosts, '127.0.0.2 app.test\n')
  server.kill('SIGHUP')
  await eventually(() => registry.backends.length === 2)
  server.kill('SIGKILL')
  await eventually(() => status().failure !== null)
  t.match(status().failure!.reason, `127.0.0.1:${port}: `)
  t.equal(registry.backends.length, 2)
  writeFileSync(hosts, '127.0.0.1 app.test\n')
  server = dnsmasq(t, port, hosts)
  await eventually(() => registry.backends.length === 1)
  t.equal(status().failure, null)
  server.kill('SIGSTOP')
  await eventually(() => status().failure !== null)
  t.match(status().failure!.reason, 'timeout')
  server.kill('SIGCONT')
  await eventually(() => status().failure === null)
  writeFileSync(hosts, '127.0.0.1 other.test\n')
  server.kill('SIGHUP')
  await eventually(() => status().failure !== null)
  t.equal(registry.backends.length, 1, 'what DNS says is none is held')
  isOver = true
  await load
  t.same([...statuses], [200])
})
