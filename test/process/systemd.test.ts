import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { atEnd, eventually, test } from '../helper.js'
import { Child } from '../support/child.js'
import { type Env, LB } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { Successors } from '../support/successors.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const STATS = 'GET /__lb/stats HTTP/1.1\r\nHost: localhost\r\n\r\n'
/** As systemd: the variable has to have the number of the process that the sockets are for. */
const START = 'LISTEN_PID=$$ exec "$@"'

type Listening = Server & { readonly _handle: { readonly fd: number } }

/** A socket that the balancer has no part in opening. */
async function listening(where: object = { host: '127.0.0.1', port: 0 }): Promise<Listening> {
  const server = createServer() as Listening
  await new Promise<void>((resolve) => server.listen(where, resolve))
  return server
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

/** Gives the sockets to a balancer, and keeps none of them. */
function started(t: Test, sockets: readonly Listening[], names: string, env: Env): Child {
  const fds = sockets.map(({ _handle }) => _handle.fd)
  const node = ['env', 'NODE_OPTIONS=', process.execPath, LB]
  const child = new Child(
    t,
    ['-c', START, 'sh', ...node],
    { LISTEN_FDS: `${fds.length}`, LISTEN_FDNAMES: names, LB_STATS_INTERVAL: '0', ...env },
    { program: '/bin/sh', fds }
  )
  for (const server of sockets) server.close()
  return child
}

/** What stands for systemd-notify: writes what it is told to a file, which stands for the socket. */
function notified(t: Test) {
  const folder = t.testdir({ bin: {} })
  const program = path.join(folder, 'bin', 'systemd-notify')
  writeFileSync(program, '#!/bin/sh\necho "$LISTEN_FDS" "$@" >> "$NOTIFY_SOCKET"\n')
  chmodSync(program, 0o755)
  const file = path.join(folder, 'told')
  const told = () => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [])
  const env = { PATH: `${path.dirname(program)}:${process.env.PATH}`, NOTIFY_SOCKET: file }
  return {
    env,
    told,
    untilTold: (text: string) => eventually(() => told().some((line) => line.includes(text)), 30_000)
  }
}

test('systemd hands over the sockets, and is told of each state, over an upgrade as well', async (t) => {
  const backend = await scripted(t, answering(OK))
  const [admin, client] = [await listening(), await listening()]
  const [adminPort, port] = [portOf(admin), portOf(client)]
  const { env, told, untilTold } = notified(t)
  const child = started(t, [admin, client], 'admin:client', {
    ...env,
    WATCHDOG_USEC: '1000000',
    LB_BACKENDS: backend.address,
    LB_ADMIN_PORT: '0',
    LB_THREADS: '2'
  })
  const successors = new Successors(t, child)
  await untilTold('READY=1 STATUS=1 of 1 backends are eligible')
  t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.equal(statusOf(await exchange(t, adminPort, STATS)), 200)
  await untilTold('WATCHDOG=1 STATUS=1 of 1 backends are eligible')
  child.kill('SIGHUP')
  await untilTold('RELOADING=1 MONOTONIC_USEC=')
  await eventually(() => told().filter((line) => line.includes('READY=1')).length === 2)

  const second = await successors.upgrade()
  await untilTold(`READY=1 STATUS=1 of 1 backends are eligible MAINPID=${second}`)
  t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.equal(statusOf(await exchange(t, adminPort, STATS)), 200)
  await successors.untilDrained(1)
  t.notOk(
    told().some((line) => line.includes('STOPPING=1')),
    'the service goes on'
  )
  successors.kill('SIGTERM')
  await child.untilEnded(30_000)
  await untilTold('STOPPING=1 STATUS=Draining')
  t.ok(
    told().every((line) => line.startsWith(' ')),
    'no process is told of the sockets of another'
  )
  t.notMatch(child.output, /"level":(40|50|60)/)
})

test('sockets that are not what they are to be end the start', async (t) => {
  // The path of a socket may not be long.
  const folder = mkdtempSync(path.join(tmpdir(), 'systemd-'))
  atEnd(t, () => rmSync(folder, { recursive: true }))
  const unix = await listening({ path: path.join(folder, 's') })
  for (const [sockets, names, fault] of [
    [
      [await listening(), await listening()],
      'client:redirect',
      /redirect, which needs LB_HTTPS_REDIRECT_PORT/
    ],
    [[await listening(), await listening()], 'client:stats', /named stats, not client, redirect, admin/],
    [[unix], 'client', /has to be a socket of TCP/]
  ] as const) {
    const child = started(t, sockets, names, { LB_BACKENDS: '127.0.0.1:1', LB_NO_HEALTH_CHECK: 'true' })
    t.equal(await child.untilEnded(30_000), 1)
    t.match(child.output, fault)
  }
})
