import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { eventually, sleep, startBalancer, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { lb } from '../support/child.js'
import type { Env } from '../support/processes.js'
import { seededRandom } from '../support/random.js'

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
