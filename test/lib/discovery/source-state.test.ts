import t from 'tap'
import { Members } from '../../../lib/discovery/members.js'
import { Sources } from '../../../lib/discovery/sources.js'
import { parseMemberList } from '../../../lib/discovery/spec/member-list.js'
import { backendConfigs, registryOf } from '../../support/registry.js'

const LIST = 'list'

/** The sources of `LB_BACKENDS`. */
function sourcesIn(text: string) {
  return parseMemberList(text, (fault) => {
    throw new Error(fault)
  }).sources
}

function stage(folder: string) {
  const registry = registryOf('a:80', { createPool: () => ({ destroy: async () => {} }) as never })
  const members = new Members(registry, LIST)
  const lines: string[] = []
  const write = (_data: object, line: string) => void lines.push(line)
  const log = { info: write, warn: write, error: write }
  const specs = sourcesIn(`file://${folder}/one.yaml;weight=5 file://${folder}/two.json`)
  const config = {
    sources: specs,
    discovery: { dns: { servers: [] }, kubernetes: { kubeconfig: '', zone: '' } }
  }
  const sources = new Sources(LIST, config, { members, registry, faultOf: () => undefined }, log)
  const shown = () => registry.backends.map(({ address, weight }) => `${address};${weight}`)
  return { registry, members, sources, specs, lines, shown }
}

t.test('files tell of members, and what is wrong with one is told', async (t) => {
  const folder = t.testdir({
    'one.yaml': '- 10.0.0.1:80\n- { address: "10.0.0.2:80", weight: 2 }\n',
    'two.json': '{"backends": ["10.0.0.3:80", "10.0.0.4"]}'
  })
  const { sources, specs, shown, lines } = stage(folder)
  sources.start()
  t.teardown(() => sources.stop())
  await sources.told()
  t.same(shown(), ['a:80;1', '10.0.0.1:80;5', '10.0.0.2:80;2'])
  t.match(sources.status, [
    { source: `file://${folder}/one.yaml`, members: 2, changedAt: Date, toldAt: Date, failure: undefined },
    {
      source: `file://${folder}/two.json`,
      members: 0,
      changedAt: undefined,
      toldAt: undefined,
      failure: { reason: '"10.0.0.4": is not a backend address; write host:port' }
    }
  ])
  t.match(lines, [
    /one.yaml: 2 join, 0 leave/,
    /two.json does not tell of its members, it has none: "10.0.0.4"/
  ])
  const [other] = sourcesIn(`file://${folder}/one.yaml;weight=7`)
  sources.configure([other!])
  t.same(shown(), ['a:80;1', '10.0.0.1:80;7', '10.0.0.2:80;2'], 'configured otherwise it tells anew')
  sources.configure(specs.slice(1))
  t.same(shown(), ['a:80;1'], 'a source that is configured no more takes its members with it')
})

t.test('members that a source is told are none are held while they pass their checks', async (t) => {
  const folder = t.testdir({ 'one.yaml': '[]', 'two.json': '[]' })
  const { registry, sources, shown } = stage(folder)
  sources.start()
  const [state, other] = sources.handOver().values()
  t.teardown(() => {
    state!.stop()
    other!.stop()
  })
  const tick = (nowMs: number) => {
    registry.tick(nowMs)
    state!.tick(nowMs)
  }
  tick(1000)
  state!.onMembers(backendConfigs('b:80 c:80').map((config) => ({ config })))
  state!.onNone('no such name', 30_000)
  tick(5000)
  t.same(shown(), ['a:80;1', 'b:80;1', 'c:80;1'])
  registry.setState(registry.backendAt('b:80')!, 'unhealthy', 'test')
  tick(6000)
  t.same(shown(), ['a:80;1', 'c:80;1'])
  state!.onNone('no such name', 30_000)
  tick(30_999)
  t.same(shown(), ['a:80;1', 'c:80;1'])
  tick(31_000)
  t.same(shown(), ['a:80;1'], 'from when it was told first')
  state!.onMembers(backendConfigs('b:80').map((config) => ({ config })))
  state!.onNone('no such name', 30_000)
  state!.onFailure('timeout')
  tick(99_000)
  t.same(shown(), ['a:80;1', 'b:80;1'], 'who cannot tell takes nothing back')
  t.match(state!.status, { members: 1, failure: { reason: 'timeout' } })
})
