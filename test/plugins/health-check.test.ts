import type { Test } from 'tap'
import { eventually, type LogRecord, sleep, startBalancer, test } from '../helper.js'
import { OK, type RawBackend, refusing, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const CHECKED = {
  LB_NO_HEALTH_CHECK: 'false',
  LB_HEALTH_CHECK_PERIOD: '0.3',
  LB_HEALTH_CHECK_URL: '/health?deep=1',
  LB_HEALTH_CHECK_RISE: '2',
  LB_HEALTH_CHECK_FALL: '3'
}

const isCheck = ({ startLine }: Message) => startLine === 'GET /health?deep=1 HTTP/1.1'
const requests = (backend: RawBackend) => backend.requests.filter((request) => !isCheck(request)).length
const checks = (backend: RawBackend) => backend.requests.filter(isCheck)
const states = (log: LogRecord[]) =>
  log.filter(({ msg }) => msg.startsWith('Backend[')).map(({ msg }) => msg.replace(/127.0.0.1:\d+/, 'it'))

/** A backend that answers its checks as `health` says. */
async function checked(t: Test, health: { status: number }) {
  return scripted(t, (request, socket) => {
    const status = isCheck(request) ? health.status : 200
    if (status > 0) socket.write(`HTTP/1.1 ${status} S\r\nContent-Length: 2\r\n\r\nok`)
  })
}

test('the first check of each backend has ended before the first request', async (t) => {
  const [good, bad] = [await checked(t, { status: 200 }), await checked(t, { status: 500 })]
  const { port, log } = await startBalancer(t, [good, bad], { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '60' })
  t.equal(checks(good).length, 1)
  t.equal(checks(bad).length, 1)
  const [check] = checks(good)
  t.equal(fieldValue(check!.fields, 'host'), good.address)
  t.match(fieldValue(check!.fields, 'user-agent'), /^fairlead/)
  for (let i = 0; i < 10; i++) t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.same([requests(good), requests(bad)], [10, 0])
  t.same(states(log).sort(), [
    'Backend[0] it is HEALTHY, was checking: check passed: status 200',
    'Backend[1] it is UNHEALTHY, was checking: check failed: status 500'
  ])
})

test('a backend is unhealthy after three failed checks, and healthy after two passed ones', async (t) => {
  const health = { status: 200 }
  const [good, moody] = [await checked(t, { status: 200 }), await checked(t, health)]
  const { port, log, stats } = await startBalancer(t, [good, moody], CHECKED)
  const state = () => stats().backends[1]!.state
  health.status = 503
  await eventually(() => state() === 'unhealthy')
  const failing = checks(moody).length
  t.ok(failing >= 4, `${failing} checks`)
  const before = requests(moody)
  for (let i = 0; i < 10; i++) t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.equal(requests(moody), before, 'it gets no request')
  health.status = 204
  await eventually(() => state() === 'healthy')
  t.match(states(log).slice(2), [
    'Backend[1] it is UNHEALTHY, was healthy: 3 checks failed: status 503',
    'Backend[1] it is HEALTHY, was unhealthy: 2 checks passed: status 204'
  ])
})

test('a backend that does not answer its checks is unhealthy; the others are checked on time', async (t) => {
  const health = { status: 200 }
  const [good, frozen] = [await checked(t, { status: 200 }), await checked(t, health)]
  const { stats } = await startBalancer(t, [good, frozen], { ...CHECKED, LB_HEALTH_CHECK_TIMEOUT: '0.1' })
  health.status = 0
  const before = checks(good).length
  const start = performance.now()
  await eventually(() => stats().backends[1]!.state === 'unhealthy')
  t.equal(stats().backends[1]!.reason, '3 checks failed: no answer within 0.1 s')
  const due = Math.floor((performance.now() - start) / 330)
  t.ok(checks(good).length - before >= due - 2, 'the silence of one delays no other')
  t.ok(frozen.sockets.size <= 2, 'a check that got no answer is broken off')
})

test('a very slow check does not prevent the start', async (t) => {
  const [good, frozen] = [await checked(t, { status: 200 }), await checked(t, { status: 0 })]
  const { port, stats } = await startBalancer(t, [good, frozen], {
    ...CHECKED,
    LB_HEALTH_CHECK_PERIOD: '60',
    LB_HEALTH_CHECK_TIMEOUT: '60'
  })
  t.same(
    stats().backends.map(({ state }) => state),
    ['healthy', 'checking']
  )
  t.equal(statusOf(await exchange(t, port, GET)), 200)
})

test('when no backend passes its first check, the log says so once', async (t) => {
  const backends = await Promise.all([500, 500, 500].map((status) => checked(t, { status })))
  const { log } = await startBalancer(t, backends, { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '60' })
  t.equal(log.filter(({ level }) => level === 50).length, 1)
})

test('without a healthy backend 503 is answered, and the log has an error', async (t) => {
  const health = { status: 500 }
  const { port, log } = await startBalancer(t, [await checked(t, health)], CHECKED)
  t.equal(statusOf(await exchange(t, port, GET)), 503)
  t.ok(log.some(({ level, msg }) => level === 50 && /503 until one/.test(msg)))
  health.status = 200
  await eventually(async () => statusOf(await exchange(t, port, GET)) === 200)
})

test('no check is sent after the end', async (t) => {
  const backend = await checked(t, { status: 200 })
  const { fastify } = await startBalancer(t, [backend], CHECKED)
  await eventually(() => checks(backend).length >= 2)
  await fastify.close()
  const before = checks(backend).length
  await sleep(300)
  t.equal(checks(backend).length, before)
  t.equal(backend.sockets.size, 0, 'and no connection is left')
})

test('each backend is checked by its own options', async (t) => {
  const own = await scripted(t, ({ startLine }, socket) => {
    const status = startLine.startsWith('GET /own ') ? 404 : 200
    socket.write(`HTTP/1.1 ${status} S\r\nContent-Length: 2\r\n\r\nok`)
  })
  const [common, port] = [await checked(t, { status: 200 }), await checked(t, { status: 200 })]
  const unchecked = await checked(t, { status: 200 })
  const dead = await refusing(t)
  const { stats } = await startBalancer(
    t,
    [
      `${own.address};check=/own;check-host=own.example;check-status=404;check-period=60`,
      common.address,
      `${dead.address};check-port=${port.address.split(':')[1]}`,
      `${unchecked.address};no-check`
    ].join(','),
    CHECKED
  )
  t.same(
    stats().backends.map(({ state }) => state),
    ['healthy', 'healthy', 'healthy', 'healthy']
  )
  t.match(stats().backends[3], { reason: 'taken for healthy, as it is not checked' })
  await eventually(() => checks(common).length >= 4)
  t.same(
    own.requests.map(({ startLine, fields }) => [startLine, fieldValue(fields, 'host')]),
    [['GET /own HTTP/1.1', 'own.example']],
    'its period is its own'
  )
  t.ok(checks(port).length >= 2)
  t.equal(unchecked.connections, 0)
})

test('a backend without checks is unhealthy when it refuses a connection, and healthy when it accepts one', async (t) => {
  const [good, unchecked] = [await checked(t, { status: 200 }), await checked(t, { status: 500 })]
  const { port, stats } = await startBalancer(t, `${good.address} ${unchecked.address};no-check`, CHECKED)
  const state = () => stats().backends[1]!.state
  t.equal(state(), 'healthy')
  await unchecked.stop()
  await eventually(async () => {
    t.equal(statusOf(await exchange(t, port, GET)), 200)
    return state() === 'unhealthy'
  })
  await unchecked.listen()
  await eventually(() => state() === 'healthy')
  t.equal(stats().backends[1]!.reason, 'check passed: connection accepted')
  t.equal(checks(unchecked).length, 0)
})

test('a flapping backend is held back, and the log says so', async (t) => {
  const health = { status: 200 }
  const [good, moody] = [await checked(t, { status: 200 }), await checked(t, health)]
  const { log, stats } = await startBalancer(t, [good, moody], {
    ...CHECKED,
    LB_HEALTH_CHECK_PERIOD: '0.1',
    LB_HEALTH_CHECK_FALL: '1'
  })
  const backends = () => stats().backends
  for (let falls = 0; falls < 3; falls++) {
    health.status = 500
    await eventually(() => backends()[1]!.state === 'unhealthy')
    health.status = 200
    await eventually(() => backends()[1]!.state === 'healthy')
  }
  t.equal(backends()[1]!.reason, '4 checks passed after flapping: status 200')
  t.match(
    log.filter(({ msg }) => /held back/.test(msg)).map(({ msg }) => msg),
    [/^Backend\[1\] \S+ passes its checks: flapping, held back until 4 checks in a row pass$/]
  )
})

test('without health checks no backend is checked', async (t) => {
  const backend = await scripted(t, (_request, socket) => socket.write(OK))
  const { port } = await startBalancer(t, [backend], { LB_HEALTH_CHECK_PERIOD: '0.3' })
  await sleep(300)
  t.equal(backend.connections, 0)
  t.equal(statusOf(await exchange(t, port, GET)), 200)
})

test("an operator's orders are no flapping", async (t) => {
  const [good, other] = [await checked(t, { status: 200 }), await checked(t, { status: 200 })]
  const { registry } = await startBalancer(t, [good, other], { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '0.1' })
  const [, backend] = registry.backends
  for (let i = 0; i < 4; i++) {
    registry.force(backend!, 'unhealthy', 'test')
    registry.force(backend!, undefined, 'test')
    await eventually(() => backend!.state === 'healthy')
  }
  t.match(backend!.reason, /^\d+ checks passed: status 200$/)
})

test('a reset clears the flapping of a backend', async (t) => {
  const [good, other] = [await checked(t, { status: 200 }), await checked(t, { status: 200 })]
  const { registry } = await startBalancer(t, [good, other], { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '0.1' })
  const [, backend] = registry.backends
  for (let i = 0; i < 6; i++) {
    registry.setState(backend!, 'unhealthy', 'test')
    registry.setState(backend!, 'healthy', 'test')
  }
  registry.setState(backend!, 'unhealthy', 'test')
  await eventually(() => backend!.reason.startsWith('flapping'))
  registry.emit('reset', backend!)
  await eventually(() => backend!.state === 'healthy', 1000)
})
