import { isDeepStrictEqual } from 'node:util'
import { ApiServer } from '../../support/kubernetes/api-server.js'
import { expireLists } from '../../support/kubernetes/list.js'
import { endpoint, slice } from '../../support/kubernetes/slices.js'
import { followed, type Told } from '../../support/kubernetes/source-stage.js'
import { eventually, sleep, test } from '../../support/test.js'

const lists = ({ asked }: ApiServer) => asked.filter((target) => !target.includes('watch=1')).length
/** A slice of ready endpoints. */
const sliceOf = (name: string, ...addresses: string[]) =>
  slice({ name, endpoints: addresses.map((address) => endpoint(address)) })

async function until(told: Told, ...addresses: string[]): Promise<void> {
  await eventually(() => isDeepStrictEqual(told.shown(), addresses.sort())).catch((error) => {
    throw new Error(`${told.shown()} and not ${addresses}; ${told.failures}`, { cause: error })
  })
}

async function untilWatching(server: ApiServer): Promise<void> {
  await eventually(() => server.watches.count === 1)
}

test('members are listed in parts, and followed from there on', async (t) => {
  const server = await ApiServer.start(t)
  const many = Array.from({ length: 230 }, (_, i) => sliceOf(`web-${1000 + i}`, `10.0.${i}.1`))
  server.store.put(...many, slice({ name: 'a', service: 'other', endpoints: [endpoint('10.9.9.9')] }))
  server.store.put(slice({ name: 'b', namespace: 'elsewhere', endpoints: [endpoint('10.9.9.8')] }))
  const told = followed(t, server)
  await eventually(() => told.shown()?.length === 230)
  t.equal(lists(server), 3)
  await untilWatching(server)
  const kept = new Map(told.members().map(({ config }) => [config.address, config]))
  t.match([...kept.values()][0], { weight: 2, port: 8080 }, 'with the options of the source')
  const times = told.times()
  server.store.put(sliceOf('web-1000', '10.0.0.1', '10.0.0.2'))
  server.store.delete('web-1001')
  server.store.put(slice({ name: 'web-1002', endpoints: [endpoint('10.0.2.1', 'terminating')] }))
  server.store.put(slice({ name: 'web-1003', service: 'other', endpoints: [endpoint('10.0.3.1')] }))
  server.store.put(sliceOf('web-2000', '10.1.0.1'))
  await eventually(() => told.shown()?.length === 230 && told.shown()?.includes('10.1.0.1'))
  t.ok(told.shown()?.includes('10.0.0.2'))
  t.ok(told.shown()?.includes('10.0.2.1!'))
  for (const gone of ['10.0.1.1', '10.0.3.1']) t.notOk(told.shown()?.includes(gone), gone)
  t.ok(told.times() - times < 5, 'what comes at once is told at once')
  const isKept = told.members().every(({ config }) => config === (kept.get(config.address) ?? config))
  t.ok(isKept, 'what has not changed is the same object')
  t.equal(lists(server), 3)
  t.same(told.failures, [])
})

test('a watch that the API server ends goes on where it was, as far as bookmarks say', async (t) => {
  const server = await ApiServer.start(t)
  server.store.put(sliceOf('web-1', '10.0.0.1'))
  const told = followed(t, server, {}, { watchMs: 100 })
  await untilWatching(server)
  server.store.passOn(50)
  server.watches.bookmark()
  const { version } = server.store
  await eventually(() => server.asked.at(-1)!.includes(`resourceVersion=${version}&`))
  t.match(server.asked.at(-1), 'allowWatchBookmarks=true')
  server.store.compact()
  server.store.put(sliceOf('web-1', '10.0.0.1', '10.0.0.2'))
  await until(told, '10.0.0.1', '10.0.0.2')
  t.equal(lists(server), 1)
  server.store.delete('web-1')
  await until(told)
  t.match(told.warnings, [/no EndpointSlices of this service/])
  t.same(told.failures, [])
})

test('what a watch has missed, or cannot know any more, is listed', async (t) => {
  const server = await ApiServer.start(t)
  server.store.put(sliceOf('web-1', '10.0.0.1'))
  const told = followed(t, server, {}, { watchMs: 100 })
  const change = () => {
    server.store.put(sliceOf('web-1', `10.0.${server.store.version % 200}.7`))
    server.store.compact()
    return `10.0.${(server.store.version - 1) % 200}.7`
  }
  for (const end of [
    () => server.watches.end(),
    () => server.cut(),
    () => server.watches.fail(410, 'Expired', 'too old resource version'),
    () => server.watches.raw('{"type":"MODIFIED","obj')
  ]) {
    await untilWatching(server)
    await sleep(60)
    server.watches.isSlow = true
    const before = lists(server)
    const now = change()
    end()
    if (server.watches.count > 0) server.watches.end()
    server.watches.isSlow = false
    await until(told, now)
    t.equal(lists(server), before + 1, `${end}`)
  }
  t.same(told.failures, [], 'none of this is a failure')
})

test('parts of a list that are not known any more are asked for from the start', async (t) => {
  const server = await ApiServer.start(t)
  server.store.put(...Array.from({ length: 150 }, (_, i) => sliceOf(`web-${i}`, `10.0.${i}.1`)))
  let expired = 0
  server.fault = (req) => {
    if (req.url!.includes('continue=') && expired++ === 0) expireLists(server.store)
    return false
  }
  const told = followed(t, server)
  await eventually(() => told.shown()?.length === 150)
  t.equal(lists(server), 4)
})

test('events come in odd pieces, and may be large', async (t) => {
  const server = await ApiServer.start(t)
  const told = followed(t, server)
  await untilWatching(server)
  server.watches.chunking = 'odd'
  const endpoints = Array.from({ length: 300 }, (_, i) =>
    endpoint(`10.0.${i >> 8}.${i & 255}`, 'ready', { hostname: 'größe-日本-🚀' })
  )
  server.store.put(slice({ name: 'web-1', endpoints }))
  await eventually(() => told.shown()?.length === 300)
  server.watches.raw('\n\r\n')
  server.store.put(sliceOf('web-1', '10.0.0.1'))
  await until(told, '10.0.0.1')
  t.equal(lists(server), 1)
})

test('zones, ports and more endpoints than can be', async (t) => {
  const server = await ApiServer.start(t)
  const inZone = (zone: string, address: string, state: 'ready' | 'terminating' = 'ready') =>
    endpoint(address, state, { zone })
  server.store.put(slice({ name: 'web-1', endpoints: [inZone('a', '10.0.0.1'), inZone('b', '10.0.0.2')] }))
  const written = followed(t, server, { zone: 'a' })
  const own = followed(t, server, { zone: '' }, { zone: 'b' })
  const none = followed(t, server)
  await until(written, '10.0.0.1', '10.0.0.2?')
  await until(own, '10.0.0.1?', '10.0.0.2')
  await until(none, '10.0.0.1', '10.0.0.2')
  await eventually(() => server.watches.count === 3)
  server.store.put(
    slice({ name: 'web-1', endpoints: [inZone('a', '10.0.0.1', 'terminating'), inZone('b', '10.0.0.2')] })
  )
  await until(written, '10.0.0.1!', '10.0.0.2')
  await until(own, '10.0.0.1!', '10.0.0.2')
  server.store.put(
    slice({ name: 'web-1', endpoints: [inZone('a', '10.0.0.1')], ports: [{ name: 'web', port: 1 }] })
  )
  await eventually(() => own.failure() === 'the endpoints have no port http; theirs are web (1)')
  await until(own, '10.0.0.1!', '10.0.0.2')
  for (let i = 0; i < 11; i++) {
    const endpoints = Array.from({ length: 1000 }, (_, j) => endpoint(`10.${i}.${j >> 8}.${j & 255}`))
    server.store.put(slice({ name: `many-${i}`, endpoints }))
  }
  await eventually(() => own.failure() === 'has more than 10000 endpoints')
})
