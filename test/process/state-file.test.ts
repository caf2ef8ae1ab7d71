import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { eventually, sleep, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { type Child, lb } from '../support/child.js'
import { seededRandom } from '../support/random.js'

const BACKENDS = '127.0.0.1:1;weight=2 127.0.0.1:2'

interface Started {
  readonly child: Child
  readonly port: number
}

async function start(t: Test, file: string, LB_BACKENDS = BACKENDS): Promise<Started> {
  const env = { PORT: '0', LB_NO_HEALTH_CHECK: 'true', LB_BACKENDS, LB_STATE_FILE: file, ...WITH_TOKEN }
  const child = lb(t, [], env)
  return { child, port: await child.listening() }
}

async function kill({ child }: Started, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal)
  await child.untilEnded()
}

/** The backends as one can tell them apart, in order. */
async function shown({ port }: Started): Promise<unknown[]> {
  const { json } = await call(port, 'GET', '/backends')
  return json.backends.map(({ address, options, orders }: Record<string, unknown>) => ({
    address,
    options,
    orders
  }))
}

test('changes are there after a restart, however it came', async (t) => {
  const file = path.join(t.testdir(), 'state')
  let lb = await start(t, file)
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
  await kill(lb, 'SIGTERM')
  lb = await start(t, file)
  t.same(await shown(lb), before)
  t.ok((await call(lb.port, 'PATCH', '/backends/127.0.0.1:1', { body: { draining: false } })).status === 200)
  const after = await shown(lb)
  await kill(lb, 'SIGKILL')
  lb = await start(t, file)
  t.same(await shown(lb), after)
  t.match(lb.child.output, `The backends are those of ${file}`)
  await kill(lb, 'SIGTERM')

  const other = await start(t, file, '127.0.0.1:8 127.0.0.1:9')
  t.same((await shown(other)).length, 2)
  t.match(
    other.child.log.find(({ level }) => level === 40),
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
    const lb = await start(t, file)
    t.match(await shown(lb), [{ address: '127.0.0.1:1' }, { address: '127.0.0.1:2' }])
    const told = lb.child.log.find(({ level }) => level === 50)
    t.ok(told?.msg.startsWith(`${file} is ignored: `), name)
    t.match(told?.msg, why)
    t.equal((await call(lb.port, 'DELETE', '/backends/127.0.0.1:2')).status, 204)
    t.match(
      JSON.parse(readFileSync(file, 'utf8')).backends,
      [{ address: '127.0.0.1:1' }],
      'then it is whole again'
    )
    await kill(lb, 'SIGKILL')
  }
})

test('a process that is killed in the middle of writing leaves all that it has said was done', async (t) => {
  const file = path.join(t.testdir(), 'state')
  const random = seededRandom(7)
  let lb = await start(t, file)
  for (let round = 0; round < 4; round++) {
    let done = 0
    let asked = 0
    let isOver = false
    const writing = (async () => {
      while (!isOver) {
        asked = (asked % 255) + 1
        const body = { weight: asked }
        const answer = await call(lb.port, 'PATCH', '/backends/127.0.0.1:1', { body }).catch(() => undefined)
        if (answer?.status !== 200) return
        done = asked
      }
    })()
    await eventually(() => done > 3, 10_000)
    await sleep(random() * 100)
    lb.child.kill('SIGKILL')
    isOver = true
    await Promise.all([lb.child.untilEnded(), writing])
    lb = await start(t, file)
    const { json } = await call(lb.port, 'GET', '/backends/127.0.0.1:1')
    t.ok(json.weight === done || json.weight === asked, `${json.weight} is ${done} or ${asked}`)
    t.notMatch(lb.child.output, /is ignored/)
  }
})
