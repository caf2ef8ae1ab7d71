import { execFileSync } from 'node:child_process'
import { connect as connectPlain } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import type { Test } from 'tap'
import { atEnd, type Balancer, startBalancer, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { startSecureBalancer } from '../support/secure-balancer.js'
import { statusOf } from '../support/wire.js'

const POST = 'POST /changes HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.5\r\nContent-Length: 0\r\n\r\n'
const SEND_AND_RESET = `
  const [port] = process.argv.slice(1)
  for (let i = 0; i < 10; i++) {
    const socket = require('node:net').connect(port, '127.0.0.1', () => {
      socket.write(${JSON.stringify(POST)}, () => socket.resetAndDestroy())
    })
  }`

async function refusesNow(t: Test, { port }: Balancer): Promise<void> {
  t.equal(statusOf(await exchange(t, port, POST)), 403)
}

for (const [whom, env] of [
  ['a denied client', { LB_DENY: '127.0.0.1' }],
  ['a denied client of a proxy', { LB_DENY: '203.0.113.5', LB_TRUSTED_PROXIES: '127.0.0.1' }]
] as const) {
  test(`what ${whom} sent on a connection that it has reset before it is accepted reaches no backend`, async (t) => {
    const backend = await scripted(t, answering(OK))
    const balancer = await startBalancer(t, [backend], env)
    // Nothing is accepted meanwhile.
    execFileSync(process.execPath, ['-e', SEND_AND_RESET, String(balancer.port)])
    await refusesNow(t, balancer)
    t.same(backend.requests, [])
  })
}

test('over TLS, what a denied client sends just before a reset reaches no backend', async (t) => {
  const backend = await scripted(t, answering(OK))
  const by = authority(t)
  if (!by) return
  const balancer = await startSecureBalancer(t, by, [backend], { LB_DENY: '127.0.0.1' })
  for (let i = 0; i < 10; i++) {
    const raw = connectPlain(balancer.port, '127.0.0.1')
    const socket = connect({ socket: raw, ca: by.pem, servername: 'localhost' })
    atEnd(t, () => raw.destroy())
    for (const side of [raw, socket]) side.on('error', () => {})
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    await sleep(20)
    socket.write(POST)
    raw.resetAndDestroy()
  }
  await refusesNow(t, balancer)
  t.same(backend.requests, [])
})
