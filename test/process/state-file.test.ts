import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { eventually, sleep, startBalancer, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import { type Env, LB, run } from '../support/processes.js'
import { seededRandom } from '../support/random.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const BACKENDS = '127.0.0.1:1;weight=2 127.0.0.1:2'

/** Of kills; each takes a process. */
const ROUNDS = 3

const settings = (file: string): Env => ({ LB_STATE_FILE: file, ...WITH_TOKEN })

/** The backends as one can tell them apart, in order. */
async function shown({ port }: { readonly port: number }): Promise<unknown[]> {
  const { json } = await call(port, 'GET', '/backends')
  return json.backends.map(({ address, options, orders }: Record<string, unknown>) => ({
    address,
    options,
    orders
  }))
}

test('changes are there after a restart, however it came', async (t) => {
  const file = path.join(t.testdir(), 'state')
  const start = (backends = BACKENDS) => startBalancer(t, backends, settings(file))
  let lb = await start()
  t.notOk(existsSync(file), 'nothing was changed yet')
  for (const [method, target, body] of [
    ['POST', '/backends', { address: '127.0.0.1:3', max: 7, check: '/x' }],
    ['PATCH', '/backends/127.0.0.1:1', { weight: 9, draining: true }],
    ['PATCH', '/backends/127.0.0.1:3', { health: 'unhealthy' }],
    ['DELETE', '/backends/127.0.0.1:2', undefined]
  ] as const) {
    t.ok((await call(lb.port, method, target, { body })).status < 300, method)
  }
  const before = await shown(lb)
  t.match(before, [
    { address: '127.0.0.1:1', options: { weight: 9 }, orders: { draining: true, health: 'auto' } },
    { address: '127.0.0.1:3', options: { max: 7, check: '/x' }, orders: { health: 'unhealthy' } }
  ])
  await lb.fastify.close()
  lb = await start()
  t.same(await shown(lb), before)
  t.ok((await call(lb.port, 'PATCH', '/backends/127.0.0.1:1', { body: { draining: false } })).status === 200)
  const after = await shown(lb)
  // As if the one before had been killed: it gets no chance to write anything more.
  lb = await start()
  t.same(await shown(lb), after)
  t.ok(lb.log.some(({ msg }) => msg.includes(`The backends are those of ${file}`)))

  const other = await start('127.0.0.1:8 127.0.0.1:9')
  t.same((await shown(other)).length, 2)
  t.match(
    other.log.find(({ level }) => level === 40),
    { msg: `${file} is ignored: LB_BACKENDS has changed since it was written` }
  )
})

test('a broken file is told of, and ignored', async (t) => {
  const folder = t.testdir({
    cut: '{"configured":[{"address":"127.0.0.1:1","weight":2},{"address":"127.0.0.1:2"}],"backe',
    wrong:
      '{"configured":[{"address":"127.0.0.1:1","weight":2},{"address":"127.0.0.1:2"}],"backends":[{"address":"x"}]}'
  })
  for (const [name, why] of [
    ['cut', /JSON/],
    ['wrong', /"x": is not a backend address/]
  ] as const) {
    const file = path.join(folder, name)
    const lb = await startBalancer(t, BACKENDS, settings(file))
    t.match(await shown(lb), [{ address: '127.0.0.1:1' }, { address: '127.0.0.1:2' }])
    const told = lb.log.find(({ level }) => level === 50)
    t.ok(told?.msg.startsWith(`${file} is ignored: `), name)
    t.match(told?.msg, why)
    t.equal((await call(lb.port, 'DELETE', '/backends/127.0.0.1:2')).status, 204)
    t.match(
      JSON.parse(readFileSync(file, 'utf8')).backends,
      [{ address: '127.0.0.1:1' }],
      'then it is whole again'
    )
  }
})

test('a process that is killed in the middle of writing leaves all that it has said was done', async (t) => {
  const file = path.join(t.testdir(), 'state')
  const random = seededRandom(7)
  const start = () =>
    lb(t, [], { PORT: '0', LB_NO_HEALTH_CHECK: 'true', LB_BACKENDS: BACKENDS, ...settings(file) })
  for (let round = 0; round < ROUNDS; round++) {
    const child = start()
    const port = await child.listening()
    if (round > 0) t.match(child.output, `The backends are those of ${file}`)
    t.notMatch(child.output, /is ignored/)
    let done = 0
    let asked = 0
    let isOver = false
    const writing = (async () => {
      while (!isOver) {
        asked = (asked % 255) + 1
        const body = { weight: asked }
        const answer = await call(port, 'PATCH', '/backends/127.0.0.1:1', { body }).catch(() => undefined)
        if (answer?.status !== 200) return
        done = asked
      }
    })()
    await eventually(() => done > 3, 10_000)
    await sleep(random() * 100)
    child.kill('SIGKILL')
    isOver = true
    await Promise.all([child.untilEnded(), writing])
    const next = await startBalancer(t, BACKENDS, settings(file))
    const { json } = await call(next.port, 'GET', '/backends/127.0.0.1:1')
    t.ok(json.weight === done || json.weight === asked, `${json.weight} is ${done} or ${asked}`)
    t.notOk(next.log.some(({ msg }) => msg.includes('is ignored')))
    await next.fastify.close()
  }
})

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** A file that is replaced in one step. */
function configIn(t: Test) {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-reload-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'lb.yml')
  const write = (content: object | string) => {
    writeFileSync(`${file}.new`, typeof content === 'string' ? content : JSON.stringify(content))
    renameSync(`${file}.new`, file)
  }
  return { file, write }
}

const messages = (child: Child, text: RegExp) => child.log.filter(({ msg }) => text.test(msg))

async function addressesOf(port: number): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${port}/__lb/stats`)
  const { backends } = (await response.json()) as { backends: { address: string }[] }
  return backends.map(({ address }) => address)
}

test('a file that changes is read again, under load and without a failed request', async (t) => {
  const backends = await Promise.all(Array.from({ length: 3 }, () => scripted(t, answering(OK))))
  const [a, b, c] = backends.map(({ address }) => address) as [string, string, string]
  const { file, write } = configIn(t)
  write({ port: 0, 'no-health-check': true, backends: [a, b] })
  const child = lb(t, [], { LB_CONFIG: file })
  const port = await child.listening()
  let stopped = false
  const statuses = new Set<number>()
  const workers = Array.from({ length: 8 }, async () => {
    const client = await RawClient.open(t, port)
    while (!stopped) {
      client.send(GET)
      statuses.add(statusOf(await client.response()))
    }
  })
  const lists = [[a, c], [{ address: a, weight: 5 }, b, c], [a], [b, c], [a, b]]
  // What else happens in the folder is nothing to it.
  writeFileSync(`${file}.log`, 'a line')
  for (const [index, list] of lists.entries()) {
    write({ port: 0, 'no-health-check': true, backends: list })
    await eventually(() => messages(child, /Backends were read again/).length === index + 1, 5000)
  }
  t.same((await addressesOf(port)).sort(), [a, b].sort())
  t.equal(messages(child, /read again/).length, lists.length)
  stopped = true
  await Promise.all(workers)
  t.same([...statuses], [200])
  t.ok(backends[2]!.requests.length > 0)
})

for (const [name, start] of [
  ['lb', lb],
  ['fastify start', fastifyStart]
] as const) {
  test(`${name}: SIGHUP reads it again; what is wrong changes nothing, and what cannot be taken over is told`, async (t) => {
    const backends = await Promise.all([0, 1].map(() => scripted(t, answering(OK))))
    const [a, b] = backends.map(({ address }) => address)
    const { file, write } = configIn(t)
    write({ port: 0, 'no-health-check': true, backends: [a] })
    const child = start(t, [], { LB_CONFIG: file })
    const port = await child.listening()
    // The log tells of the port a moment before all is ready.
    t.same(await addressesOf(port), [a])
    child.kill('SIGHUP')
    await eventually(() => messages(child, /read again \(SIGHUP\): its backends are the same/).length === 1)
    write('backends: [nonsense]\nprot: 1')
    await eventually(
      () =>
        messages(child, /stays as it is \(a file has changed\): .*not a backend.*prot is not a known setting/)
          .length === 1,
      5000
    )
    t.same(await addressesOf(port), [a])
    write({ port: 0, 'no-health-check': true, 'max-connections': 7, backends: [a, b] })
    await eventually(
      () => messages(child, /Only the next start takes over LB_MAX_CONNECTIONS$/).length >= 1,
      5000
    )
    t.same(await addressesOf(port), [a, b])
    t.equal(statusOf(await exchange(t, port, GET)), 200)
  })
}

test('lb check prints what holds, or tells what is wrong', async (t) => {
  const { file, write } = configIn(t)
  write({ backends: ['a:80'], 'sticky-cookie': 'lb', 'sticky-secret': 'nobody is to see this' })
  const well = await run([LB, 'check', '--max-connections', '7'], { LB_CONFIG: file, LB_HEDGE: 'true' })
  t.equal(well.code, 0, well.stderr)
  const lines = well.stdout.split('\n')
  for (const line of [
    'LB_BACKENDS=a:80',
    'LB_MAX_CONNECTIONS=7',
    'LB_HEDGE=true',
    'LB_STICKY_SECRET=***',
    'LB_RETRIES=2'
  ])
    t.ok(lines.includes(line), line)
  const wrong = await run([LB, 'check', '-b', 'a'], {})
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, 'LB_BACKENDS "a": is not a backend address')
})
