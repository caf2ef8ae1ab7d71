import type { ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { json, refuse } from '../../support/kubernetes/answers.js'
import { ApiServer } from '../../support/kubernetes/api-server.js'
import { endpoint, slice } from '../../support/kubernetes/slices.js'
import { followed, type Told } from '../../support/kubernetes/source-stage.js'
import { eventually, sleep, test } from '../../support/test.js'

const isWatch = (target: string) => target.includes('watch=1')
const lists = ({ asked }: ApiServer) => asked.filter((target) => !isWatch(target)).length
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

const garbage = (res: ServerResponse) => res.writeHead(200).end('<html>Sign in</html>')
const item = (object: object) => ({ metadata: { resourceVersion: '1' }, items: [object] })
const HUGE = 'x'.repeat(1_048_576)

/** A megabyte after the other, as long as they are taken. */
function flood(res: ServerResponse): void {
  res.writeHead(200)
  const more = () => {
    while (!res.destroyed && res.write(HUGE));
  }
  res.on('drain', more)
  more()
}

/** What an API server, or somebody in its place, may answer to a list, and what is told of it. */
const WRONG_LISTS: readonly (readonly [string, (res: ServerResponse) => unknown, RegExp])[] = [
  ['another page', garbage, /^sent what is no JSON$/],
  ['an empty answer', (res) => res.end(), /no JSON/],
  ['a list without a version', (res) => json(res, 200, { metadata: {}, items: [] }), /no list/],
  ['what is no list', (res) => json(res, 200, []), /no list/],
  [
    'a list without an end',
    (res) => json(res, 200, { metadata: { resourceVersion: '1', continue: 'x' } }),
    /empty part/
  ],
  ['more than can be', flood, /more than 67108864 bytes/],
  ['an object without metadata', (res) => json(res, 200, item({})), /^sent an object without metadata$/],
  ['a redirect', (res) => res.writeHead(302, { Location: '/' }).end(), /^status 302$/],
  [
    'an error of its own',
    (res) => refuse(res, 500, 'InternalError', 'etcd\n\u001b[31m is down'),
    /^status 500: etcd \[31m is down$/
  ],
  [
    'a refusal',
    (res) => refuse(res, 403, 'Forbidden', 'endpointslices is forbidden'),
    /^status 403: endpointslices is forbidden$/
  ],
  ['nothing but a cut', (res) => res.destroy(), /^connection reset$/],
  [
    'half of an answer',
    (res) => res.writeHead(200, { 'Content-Length': '99' }).write('{"met', () => res.destroy()),
    /^connection reset$/
  ]
]

test('a list that is none fails, and the last set stays', async (t) => {
  const check = async ([name, answer, reason]: (typeof WRONG_LISTS)[number]) => {
    const server = await ApiServer.start(t)
    server.store.put(sliceOf('web-1', '10.0.0.1'))
    const told = followed(t, server, {}, { watchMs: 100 })
    await until(told, '10.0.0.1')
    await untilWatching(server)
    server.fault = (_req, res) => {
      answer(res)
      return true
    }
    server.watches.fail(410, 'Expired', 'too old')
    await eventually(() => told.failure() !== undefined)
    t.match(told.failure(), reason, name)
    t.same(told.shown(), ['10.0.0.1'], name)
    server.fault = undefined
    await eventually(() => told.failure() === undefined)
    t.same(told.shown(), ['10.0.0.1'], name)
  }
  await Promise.all(WRONG_LISTS.map(check))
})

/** What may come in place of an event, and what is told of it. */
const WRONG_EVENTS: readonly (readonly [string, string, RegExp])[] = [
  ['no JSON', 'MODIFIED\n', /^sent what is no JSON$/],
  ['no event', '[]\n', /^sent what is no event$/],
  ['no object', '{"type":"MODIFIED","object":7}\n', /^sent an object without metadata$/],
  [
    'an error',
    '{"type":"ERROR","object":{"kind":"Status","code":500,"message":"it broke"}}\n',
    /^status 500: it broke$/
  ],
  ['an error without a reason', '{"type":"ERROR","object":{}}\n', /^an error$/],
  ['an event without an end', 'x'.repeat(9_000_000), /^sent an event of more than 8388608 bytes$/]
]

test('a watch that tells nonsense fails, and what is so is listed', async (t) => {
  const check = async ([name, line, reason]: (typeof WRONG_EVENTS)[number]) => {
    const server = await ApiServer.start(t)
    const told = followed(t, server)
    await untilWatching(server)
    server.watches.isSlow = true
    server.store.put(sliceOf('web-1', '10.0.0.1'))
    server.watches.raw(line)
    await until(told, '10.0.0.1')
    t.match(told.failures, [reason], name)
    t.equal(lists(server), 2, name)
    server.watches.isSlow = false
    await untilWatching(server)
    server.watches.raw('{"type":"NEWS","object":{"metadata":{"name":"web-1"}}}\n')
    server.store.put(sliceOf('web-1', '10.0.0.2'))
    await until(told, '10.0.0.2')
  }
  await Promise.all(WRONG_EVENTS.map(check))
})

test('what is odd in a slice is left out and told once, and one that cannot be read stays as it was', async (t) => {
  const server = await ApiServer.start(t)
  server.store.put(sliceOf('web-1', '10.0.0.1'), sliceOf('web-2', '10.0.0.2'))
  const told = followed(t, server)
  await until(told, '10.0.0.1', '10.0.0.2')
  await untilWatching(server)
  const odd = { addresses: [], zone: 'a' }
  for (let i = 0; i < 3; i++)
    server.store.put(
      slice({ name: 'web-1', endpoints: [endpoint('10.0.0.1'), endpoint(`10.0.1.${i}`), odd] }),
      slice({ name: 'web-2', ports: [{ name: 'http', port: 'eighty' }] }),
      slice({ name: 'web-3', ports: [{ name: 'http', port: 'eighty' }] })
    )
  await until(told, '10.0.0.1', '10.0.0.2', '10.0.1.2')
  server.cut()
  await eventually(() => lists(server) === 2 && server.watches.count === 1)
  await until(told, '10.0.0.1', '10.0.0.2', '10.0.1.2')
  t.same(told.warnings, [
    'an endpoint is not used: addresses is wrong',
    'an EndpointSlice cannot be read: ports.0.port is wrong'
  ])
  t.same(told.failures, [])
})

test('who is refused asks less and less often, and no sooner than it is told to', async (t) => {
  const server = await ApiServer.start(t)
  server.fault = (_req, res) => {
    refuse(res, 403, 'Forbidden', 'no')
    return true
  }
  followed(t, server)
  await sleep(1000)
  t.ok(server.asked.length <= 5, `${server.asked.length} times in a second`)
  await eventually(() => server.asked.length >= 2)
  const busy = await ApiServer.start(t)
  busy.fault = (_req, res) => {
    res.setHeader('Retry-After', '20')
    refuse(res, 429, 'TooManyRequests', 'later')
    return true
  }
  const told = followed(t, busy)
  await sleep(1000)
  t.equal(busy.asked.length, 1)
  t.equal(told.failure(), 'status 429: later')
})

test('a watch that ends at once is not begun again and again', async (t) => {
  const server = await ApiServer.start(t)
  server.store.put(sliceOf('web-1', '10.0.0.1'))
  server.fault = (req, res) => {
    if (!isWatch(req.url!)) return false
    res.writeHead(200).end()
    return true
  }
  const told = followed(t, server)
  await until(told, '10.0.0.1')
  await sleep(1000)
  t.ok(server.asked.length <= 12, `${server.asked.length} requests in a second`)
})

test('an API server that is down, silent or slow is waited for, and the last set stays', async (t) => {
  const server = await ApiServer.start(t)
  server.store.put(sliceOf('web-1', '10.0.0.1'))
  const told = followed(t, server)
  await untilWatching(server)
  await server.kill()
  await eventually(() => told.failure() === 'connection refused')
  t.same(told.shown(), ['10.0.0.1'])
  server.store.put(sliceOf('web-1', '10.0.0.2'))
  server.store.compact()
  await server.listen()
  await until(told, '10.0.0.2')
  t.equal(told.failure(), undefined)
  await untilWatching(server)
  server.watches.isSlow = true
  server.store.put(sliceOf('web-1', '10.0.0.3'))
  await sleep(100)
  t.same(told.shown(), ['10.0.0.2'])
  server.watches.goOn()
  await until(told, '10.0.0.3')
  t.equal(told.failure(), undefined)
})

test('a source that is stopped has no connection any more, whatever it waits for', async (t) => {
  const silent = await ApiServer.start(t)
  silent.fault = () => true
  const broken = await ApiServer.start(t)
  broken.fault = (_req, res) => {
    refuse(res, 500, 'InternalError', 'no')
    return true
  }
  const sound = await ApiServer.start(t)
  const sources = [silent, broken, sound].map((server) => followed(t, server))
  await eventually(() => silent.asked.length === 1 && sound.watches.count === 1 && sources[1]!.failure())
  for (const { source } of sources) source.stop()
  await eventually(() => [silent, broken, sound].every(({ connections }) => connections === 0))
  const asked = broken.asked.length
  await sleep(400)
  t.equal(broken.asked.length, asked)
  t.same([sources[0]!.failure(), sources[2]!.failure()], [undefined, undefined])
})
