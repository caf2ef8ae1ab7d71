import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { StateFile } from '../../../lib/admin/state-file.js'
import { backendConfigs } from '../../support/registry.js'

const CONFIGURED = backendConfigs('a:80;weight=3 b:80')
const STORED = [
  { address: 'a:80', weight: 5, draining: true },
  { address: 'https://c:443', health: 'unhealthy' }
] as const

t.test('what was saved is read again, in another process too', async (t) => {
  const file = path.join(t.testdir(), 'state')
  const state = new StateFile(file, CONFIGURED)
  t.same(state.read(), { backends: undefined })
  await state.save(STORED)
  t.same(new StateFile(file, CONFIGURED).read(), { backends: STORED })
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.same(readdirSync(path.dirname(file)), ['state'], 'and nothing else is left')
})

t.test('when the configuration is read again, what is saved is made from that', async (t) => {
  const file = path.join(t.testdir(), 'state')
  const state = new StateFile(file, CONFIGURED)
  await state.save(STORED)
  const next = backendConfigs('a:80 d:80')
  state.configure(next)
  await state.save(STORED)
  t.same(new StateFile(file, CONFIGURED).read(), { outdated: true })
  t.same(new StateFile(file, next).read(), { backends: STORED })
})

t.test('with another LB_BACKENDS it means nothing', async (t) => {
  const file = path.join(t.testdir(), 'state')
  await new StateFile(file, CONFIGURED).save(STORED)
  for (const text of ['a:80;weight=3', 'b:80 a:80;weight=3', 'a:80;weight=3 b:81', 'a:80 b:80'])
    t.same(new StateFile(file, backendConfigs(text)).read(), { outdated: true }, text)
  const same = backendConfigs('http://A:80;weight=3,b:80;weight=1')
  t.same(new StateFile(file, same).read(), { backends: STORED }, 'written in another way it is the same')
})

t.test('a broken file says why', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'state')
  const configured = JSON.stringify([{ address: 'a:80', weight: 3 }, { address: 'b:80' }])
  for (const [text, fault] of [
    ['', /JSON/],
    ['{"configured":', /JSON/],
    ['[]', /expected object/],
    ['{}', /configured/],
    [`{"configured":${configured},"backends":[]}`, /backends/],
    [`{"configured":${configured},"backends":[{}]}`, /address/],
    [`{"configured":${configured},"backends":[{"address":"a:80","weight":[]}]}`, /weight/],
    [`{"configured":${configured},"backends":[{"address":"a:80","health":"auto"}]}`, /health/],
    [`{"configured":${configured},"backends":[{"address":"a:80"}],"x":1}`, /x/]
  ] as const) {
    writeFileSync(file, text)
    t.match(new StateFile(file, CONFIGURED).read(), { fault }, text)
  }
  t.match(new StateFile(folder, CONFIGURED).read(), { fault: /EISDIR/ })
})

t.test('changes that come during a write are one write, of the latest', async (t) => {
  const file = path.join(t.testdir(), 'state')
  const state = new StateFile(file, CONFIGURED)
  const saves = Array.from({ length: 50 }, (_, i) => state.save([{ address: `a:${i + 1}` }]))
  t.ok(new Set(saves).size <= 2, `${new Set(saves).size} writes`)
  await saves[0]
  await state.saved
  t.same(new StateFile(file, CONFIGURED).read(), { backends: [{ address: 'a:50' }] })
})

t.test(
  'a write that fails is told, and leaves the file before',
  { skip: process.getuid?.() === 0 && 'root may write anywhere' },
  async (t) => {
    const folder = t.testdir()
    const file = path.join(folder, 'state')
    const state = new StateFile(file, CONFIGURED)
    await state.save(STORED)
    chmodSync(folder, 0o500)
    await t.rejects(state.save([{ address: 'x:1' }]), { code: 'EACCES' })
    await t.rejects(state.saved)
    chmodSync(folder, 0o700)
    t.match(readFileSync(file, 'utf8'), /https:\/\/c/)
    await state.save([{ address: 'y:1' }])
    t.same(new StateFile(file, CONFIGURED).read(), { backends: [{ address: 'y:1' }] })
  }
)

t.test('a write that fails in another way', async (t) => {
  const folder = t.testdir({ state: {} })
  const state = new StateFile(path.join(folder, 'state'), CONFIGURED)
  await t.rejects(state.save(STORED))
  await t.rejects(state.saved)
  t.same(readdirSync(folder), ['state'])
})
