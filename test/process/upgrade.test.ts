import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import { Load } from '../../bench/upgrade/load.js'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, eventually, type LogRecord, test } from '../helper.js'
import { call, TOKEN } from '../support/api.js'
import { Authority } from '../support/certificates.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { Successors, send } from '../support/successors.js'
import { openTunnel, SWITCHING } from '../support/tunnel.js'
import { fieldValue, statusOf } from '../support/wire.js'

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`

/** Of the lines of the log: what is wrong with a configuration is printed as text. */
const logOf = (child: Child) =>
  child.output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as LogRecord)
const logged = (child: Child, text: string) => logOf(child).filter(({ msg }) => msg.includes(text))

function loadOf(t: Test, port: number, clients: number, isSecure = false): Load {
  const load = new Load({ port, isSecure, clients, newShare: 0.25, maxPauseMs: 200 })
  atEnd(t, () => load.stop())
  return load
}

async function allAnswered(t: Test, load: Load): Promise<void> {
  const { answered, opened, failures, closedUnasked } = await load.stop()
  t.same(failures, [])
  t.equal(closedUnasked, 0)
  t.ok(answered > opened && opened > 0, `${answered} requests over ${opened} connections`)
}

/** Answers requests for `/held` when it is told to, and echoes at `/tunnel`. */
async function holding(t: Test) {
  let release = () => {}
  const backend = await scripted(t, ({ startLine }, socket) => {
    const [, target] = startLine.split(' ')
    if (target === '/tunnel') {
      socket.write(SWITCHING)
      socket.pipe(socket)
    } else if (target === '/held') release = () => socket.write(OK)
    else socket.write(OK)
  })
  const isHeld = () => eventually(() => backend.requests.some(({ startLine }) => /\/held/.test(startLine)))
  return { backend, isHeld, release: () => release() }
}

test('SIGUSR2 has another process take over, and no client loses anything', async (t) => {
  const { backend, isHeld, release } = await holding(t)
  const folder = t.testdir()
  const pidFile = path.join(folder, 'lb.pid')
  const child = fastifyStart(t, [], {
    PORT: '0',
    LB_ADMIN_PORT: '0',
    LB_ADMIN_TOKEN: TOKEN,
    LB_BACKENDS: `${backend.address} 127.0.0.1:1;no-check`,
    LB_STATE_FILE: path.join(folder, 'state.json'),
    LB_PID_FILE: pidFile,
    LB_STATS_INTERVAL: '0'
  })
  const successors = new Successors(t, child)
  const port = await child.listening()
  const adminLine = /Administration at http:\/\/[^"]*:(\d+)"/
  await child.untilPrinted(adminLine)
  const adminPort = Number(adminLine.exec(child.output)![1])
  await eventually(() => existsSync(pidFile))
  t.equal(Number(readFileSync(pidFile, 'utf8')), child.pid)
  await call(adminPort, 'DELETE', '/backends/127.0.0.1:1')

  const load = loadOf(t, port, 64)
  const tunnel = await openTunnel(t, { port }, '', '/tunnel')
  const [held, idle, unused] = await Promise.all([
    RawClient.open(t, port),
    RawClient.open(t, port),
    RawClient.open(t, port)
  ])
  held.send(get('/held'))
  idle.send(get('/'))
  await Promise.all([isHeld(), idle.response()])

  const upgraded = successors.upgrade()
  await child.untilPrinted('starting a process')
  send(child.pid, 'SIGUSR2')
  t.match(await call(adminPort, 'DELETE', `/backends/${backend.address}`), { json: { code: 'LB_UPGRADE' } })
  const second = await upgraded
  await eventually(() => Number(readFileSync(pidFile, 'utf8')) === second)
  send(child.pid, 'SIGUSR2')
  await child.untilPrinted(`SIGUSR2 has no effect: process ${second} has taken over`)
  t.equal(logged(child, 'SIGUSR2 has no effect: another process is starting').length, 1)

  // By now connections come to the new process alone.
  const { backends } = JSON.parse((await exchange(t, adminPort, get('/__lb/stats'))).body.toString())
  t.equal(backends.length, 1, 'it knows what was changed')
  const [afterIdle, afterUnused] = [idle, unused].map((client) => {
    client.send(get('/'))
    return client.response()
  })
  for (const response of [await afterIdle!, await afterUnused!])
    t.same([statusOf(response), fieldValue(response.fields, 'connection')], [200, 'close'])

  const third = await successors.upgrade()
  await successors.untilDrained(1)
  tunnel.send('still here')
  await tunnel.until((text) => text === 'still here')
  t.ok(logged(child, 'Draining').every(({ msg }) => msg.endsWith('at most 600 s')))
  release()
  t.equal(statusOf(await held.response()), 200)
  tunnel.socket.end()
  await successors.untilDrained(2)
  await allAnswered(t, load)

  send(third, 'SIGTERM')
  await child.untilEnded()
  t.notOk(existsSync(pidFile))
  t.same(
    logged(child, 'Process ').map(({ pid, successor }) => [pid, successor]),
    [
      [child.pid, second],
      [second, third]
    ]
  )
  t.same(
    logOf(child).filter(({ level, msg }) => level >= 40 && !/^SIGUSR2 has no effect/.test(msg)),
    []
  )
})

test('a process that cannot take over changes nothing, and another one may', async (t) => {
  const backend = await scripted(t, answering(OK))
  const folder = t.testdir()
  const file = path.join(folder, 'lb.yml')
  const { certFile, keyFile } = new Authority(path.join(folder, 'tls')).issue()
  const redirectPort = await freePort()
  const settings = (more: string) =>
    writeFileSync(
      file,
      `backends: ["${backend.address}"]\nhttps-redirect-port: ${redirectPort}\nstats-interval: 0\n${more}`
    )
  settings('')
  const child = lb(t, ['-p', '0', '-c', file, '--threads', '2', '--tls-cert', certFile, '--tls-key', keyFile])
  const successors = new Successors(t, child)
  const port = await child.listening()
  const load = loadOf(t, port, 32, true)
  const fails = async (count: number, reason: RegExp) => {
    send(successors.pid, 'SIGUSR2')
    await eventually(() => logged(child, 'No process has taken over').length === count, 30_000)
    t.match(logged(child, 'No process has taken over').at(-1), { level: 50, reason })
  }
  settings('retries: many\n')
  await fails(1, /retries must be a whole number.*lb.yml:4:10/)
  settings(`admin-port: ${Number(backend.address.split(':')[1])}\n`)
  await fails(2, /EADDRINUSE/)

  settings('')
  await successors.upgrade()
  await successors.untilDrained(2)
  const redirected = await exchange(t, redirectPort, get('/'))
  t.equal(statusOf(redirected), 308)
  await allAnswered(t, load)

  send(successors.pid, 'SIGUSR2')
  await eventually(() => logged(child, 'starting a process').length === 4)
  send(successors.pid, 'SIGTERM')
  await child.untilEnded(30_000)
  t.equal(logged(child, 'Process ').length, 1, 'a process that is to end has no successor')
  await t.rejects(RawClient.open(t, port, null), /refused|ECONNREFUSED/)
})

test('a successor that is configured to listen elsewhere does, and what waits at the old port is served', async (t) => {
  const backend = await scripted(t, answering(OK))
  const folder = t.testdir()
  const [first, second] = [await freePort(), await freePort()]
  const configure = (port: number) => writeFileSync(path.join(folder, 'lb.yml'), `port: ${port}\n`)
  t.not(first, second)
  configure(first)
  const child = lb(t, ['-c', path.join(folder, 'lb.yml'), '-b', backend.address, '--no-health-check'])
  const successors = new Successors(t, child)
  t.equal(await child.listening(), first)
  configure(second)
  const upgraded = successors.upgrade()
  await child.untilPrinted('starting a process')
  const early = await RawClient.open(t, first)
  early.send(get('/'))
  t.equal(statusOf(await early.response()), 200)
  early.abort()
  await upgraded
  await successors.untilDrained(1)
  t.equal(statusOf(await exchange(t, second, get('/'))), 200)
  const refused = new Promise((resolve) => {
    connect(first, '127.0.0.1')
      .on('error', ({ message }) => resolve(message))
      .on('connect', resolve)
  })
  t.match(await refused, /ECONNREFUSED/)
})
