import { readdirSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import t from 'tap'
import { startBalancer, test } from '../helper.js'
import { TOKEN } from '../support/api.js'
import { ROOT } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const TYPES: Readonly<Record<string, string>> = {
  '': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}
/** What a document, a style sheet or a script asks for. */
const REFERENCE = /(?:(?:src|href)="|from '|import '|url\()([^"'#)]+)/g
const OTHER_PAGES = new Set(['stats', 'metrics', 'api/'])
/** The name of a kind of document, which nobody asks for. */
const NAMESPACE = 'http://www.w3.org/2000/svg'

const get = (target: string, ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

/** The page and everything that it asks for, by its path. */
async function filesOf(t: Test, port: number): Promise<Map<string, Message>> {
  const client = await RawClient.open(t, port)
  const files = new Map<string, Message>()
  const ask = async (target: string): Promise<void> => {
    if (files.has(target)) return
    client.send(get(target))
    const message = await client.response()
    files.set(target, message)
    for (const [, reference] of message.body.toString().matchAll(REFERENCE)) {
      if (OTHER_PAGES.has(reference!)) continue
      await ask(new URL(reference!, `http://x${target}`).pathname)
    }
  }
  await ask('/__lb/')
  return files
}

test('the page and all its files are served, and it loads nothing else', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const files = await filesOf(t, port)
  for (const [target, { fields, body, ...message }] of files) {
    t.equal(statusOf(message as Message), 200, target)
    t.equal(fieldValue(fields, 'content-type'), TYPES[path.extname(target)], target)
    t.equal(fieldValue(fields, 'content-length'), String(body.length))
    t.equal(fieldValue(fields, 'cache-control'), 'no-cache')
    t.equal(fieldValue(fields, 'x-content-type-options'), 'nosniff')
    t.equal(fieldValue(fields, 'referrer-policy'), 'no-referrer')
    t.equal(fieldValue(fields, 'cross-origin-resource-policy'), 'same-origin')
    const policy = fieldValue(fields, 'content-security-policy') ?? ''
    t.match(policy, /^default-src 'none'; script-src 'self';/)
    t.match(policy, "frame-ancestors 'none'")
    t.notMatch(policy, 'unsafe')
    const text = body.toString().replaceAll(NAMESPACE, '')
    t.notMatch(text, /https?:|["'(]\/\//, `${target} names no other host`)
    t.notMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/, target)
  }
  const served = readdirSync(path.join(ROOT, 'routes/lb/page')).filter((name) => name !== 'package.json')
  t.equal(files.size, served.length, 'and nothing lies there that is not used')
  t.equal(backend.requests.length, 0)
})

test('a file that the browser has cached is not sent again', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  const client = await RawClient.open(t, port)
  const ask = async (target: string, ...fields: string[]) => {
    client.send(get(target, ...fields))
    return client.response()
  }
  const tags: string[] = []
  for (const target of ['/__lb/', '/__lb/page/app.js']) {
    const tag = fieldValue((await ask(target)).fields, 'etag')!
    tags.push(tag)
    for (const kept of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const answer = await ask(target, `If-None-Match: ${kept}`)
      t.equal(statusOf(answer), 304, kept)
      t.equal(answer.body.length, 0)
      t.equal(fieldValue(answer.fields, 'etag'), tag)
    }
    for (const other of ['"other"', tag.slice(1, -1), '""'])
      t.equal(statusOf(await ask(target, `If-None-Match: ${other}`)), 200, other)
  }
  t.not(tags[0], tags[1])
})

test('HEAD is GET without the body', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  for (const target of ['/__lb/', '/__lb/page/frame.css']) {
    const whole = await exchange(t, port, get(target))
    const head = await exchange(t, port, get(target).replace('GET', 'HEAD'), { head: true })
    t.equal(statusOf(head), 200)
    t.equal(fieldValue(head.fields, 'content-length'), String(whole.body.length))
    t.equal(fieldValue(head.fields, 'etag'), fieldValue(whole.fields, 'etag'))
  }
})

test('other files of its folder and other methods get 404', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  const client = await RawClient.open(t, port)
  for (const target of [
    ...['page.html', 'page/page.html', 'page/package.json', 'page/../page.js', 'page/..%2findex.ts'],
    ...['page/%61pp.js', 'page/APP.js', 'page/app.js/', 'page//app.js', 'page/app.js;x', 'page/app.js%00']
  ]) {
    client.send(get(`/__lb/${target}`))
    t.equal(statusOf(await client.response()), 404, target)
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])
    for (const target of ['/__lb/', '/__lb/page/app.js']) {
      client.send(get(target).replace('GET', method))
      t.equal(statusOf(await client.response()), 404, `${method} ${target}`)
    }
})

test('other addresses get 404 for all of it, whatever their fields say', async (t) => {
  const env = { LB_ADMIN_ALLOW: '10.0.0.0/8', LB_ADMIN_TOKEN: TOKEN }
  const { port } = await startBalancer(t, 'a.example:80', env)
  const { port: open } = await startBalancer(t, 'a.example:80')
  const { body: nothing } = await exchange(t, port, get('/__lb/nosuch'))
  const client = await RawClient.open(t, port)
  for (const target of (await filesOf(t, open)).keys())
    for (const fields of [
      [],
      ['X-Forwarded-For: 10.0.0.1', 'X-Real-IP: 10.0.0.1', 'Forwarded: for=10.0.0.1'],
      ['X-Original-URL: /__lb/', 'X-HTTP-Method-Override: GET', 'If-None-Match: *'],
      [`Authorization: Bearer ${TOKEN}`, 'Origin: http://x', 'Sec-Fetch-Site: same-origin']
    ]) {
      client.send(get(target, ...fields))
      const answer = await client.response()
      t.equal(statusOf(answer), 404, target)
      t.same(answer.body, nothing, 'nor is it told from what there is not')
      t.equal(fieldValue(answer.fields, 'etag'), undefined)
    }
})

/** One of the modules that the page is made of. */
const part = (name: string) => import(pathToFileURL(path.join(ROOT, 'routes/lb/page', name)).href)

const AT = 1_700_000_000_000

/** What the stream says of a backend. */
function view(over: object = {}) {
  return {
    id: 0,
    address: 'a:80',
    state: 'healthy',
    since: new Date(AT - 60_000).toISOString(),
    reason: 'check passed',
    total: 0,
    failed: 0,
    responses: { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 },
    latency: { count: 0, sumMs: 0 },
    bytes: { received: 0, sent: 0 },
    ...over
  }
}

t.test('numbers are short, and say what they are', async (t) => {
  const { bytes, compact, milliseconds, ofScale, percent, rate, span } = await part('format.js')
  for (const [format, cases] of [
    [rate, { 0: '0', 0.2: '0.2', 12: '12.0', 99.96: '100', 1234.5: '1,235', 12345: '12.3k' }],
    [
      milliseconds,
      { 0: '0 ms', 0.004: '<0.01 ms', 0.5: '0.50 ms', 12.34: '12.3 ms', 234.5: '235 ms', 1500: '1.50 s' }
    ],
    [
      ofScale(milliseconds),
      { 0: '0', 0.5: '0.5 ms', 100: '100 ms', 250: '250 ms', 1000: '1 s', 1500: '1.5 s' }
    ],
    [percent, { 0: '0 %', 0.00005: '<0.01 %', 0.0123: '1.23 %', 1: '100 %' }],
    [bytes, { 0: '0 B', 999: '999 B', 1500: '1.50 kB', 1e9: '1.00 GB' }],
    [compact, { 0: '0', 9999: '9,999', 10000: '10.0k', 12345678: '12.3M' }],
    [
      span,
      { 0: '0 s', 59999: '59 s', 60000: '1 min', 61000: '1 min 1 s', 3600000: '1 h', 90000000: '1 d 1 h' }
    ]
  ] as const)
    for (const [value, text] of Object.entries(cases))
      t.equal(format(Number(value)), text, `${format.name} ${value}`)
  for (const format of [rate, milliseconds, percent, compact]) t.equal(format(null), '–')
})

t.test('a backend’s rates are those of its last seconds', async (t) => {
  const { Backend } = await part('backend.js')
  const backend = new Backend(view({ total: 1000, failed: 5 }), AT)
  t.equal(backend.rate, null)
  t.equal(backend.errorShare, null)
  t.equal(backend.latencyMs, null)
  for (let second = 1; second <= 5; second++)
    backend.advance(
      view({
        total: 1000 + 20 * second,
        failed: 5 + (second > 3 ? 1 : 0),
        latency: { count: 20 * second, sumMs: 20 * second * 12 },
        bytes: { received: 500 * second, sent: 0 }
      }),
      AT + 1000 * second
    )
  t.equal(backend.rate, 20)
  t.equal(backend.errorShare, 1 / 100)
  t.equal(backend.latencyMs, 12)
  t.equal(backend.receivedRate, 500)
})

t.test(
  'one that is asked nothing has no latency, and one that fails what came before has errors',
  async (t) => {
    const { Backend } = await part('backend.js')
    const backend = new Backend(view(), AT)
    backend.advance(view({ failed: 2 }), AT + 1000)
    t.equal(backend.errorShare, 1)
    t.equal(backend.latencyMs, null)
  }
)

t.test('the state and its reason; of a flapping backend the latest reason', async (t) => {
  const { Backend } = await part('backend.js')
  const changes = [{ at: AT - 5000, to: 'draining', reason: 'set by hand' }]
  const backend = new Backend(view({ state: 'draining', changes }), AT)
  t.same([backend.since, backend.reason], [AT - 5000, 'set by hand'])
  backend.advance(
    view({
      state: 'unhealthy',
      reason: 'flapping',
      changes: [{ at: AT, to: 'unhealthy', reason: 'refused' }]
    }),
    AT
  )
  t.equal(backend.reason, 'flapping')
})

t.test('changes between two events are announced, but not the first state', async (t) => {
  const { Model } = await part('model.js')
  const model = new Model()
  const word = (backends: object[], over = {}) => ({
    at: AT,
    startedAt: 'a',
    fleets: { default: 'v' },
    samples: [],
    sample: null,
    backends,
    ...over
  })
  t.same(model.replace(word([view(), view({ id: 1, address: 'b:80' })])), [])
  t.same(model.advance(word([view(), view({ id: 1, address: 'b:80' })])), [])
  t.same(
    model.advance(word([view({ state: 'unhealthy', reason: 'refused' }), view({ id: 2, address: 'c:80' })])),
    ['a:80 is unhealthy: refused', 'c:80 has joined', 'b:80 has left']
  )
  t.equal(model.healthyCount, 1)
  t.same(model.replace(word([view(), view({ id: 2, address: 'c:80' })])), ['a:80 is healthy: check passed'])
  t.same(
    model.replace(word([view({ state: 'unhealthy' })], { startedAt: 'b' })),
    [],
    'another process is another story'
  )
})

t.test('it keeps five minutes', async (t) => {
  const { Model } = await part('model.js')
  const model = new Model()
  model.replace({ at: AT, samples: Array.from({ length: 300 }, (_, i) => ({ at: i })), backends: [] })
  model.advance({ at: AT, sample: { at: 300 }, backends: [] })
  t.equal(model.samples.length, 300)
  t.same([model.samples[0].at, model.samples.at(-1).at], [1, 300])
})

t.test('the steps of a scale are round, and reach the top', async (t) => {
  const { roundStep } = await part('chart.js')
  for (const [most, step] of [
    [4, 1],
    [4.1, 2],
    [90, 25],
    [130, 50],
    [0.4, 0.1],
    [1e6, 250_000],
    [1000, 250]
  ])
    t.ok(Math.abs(roundStep(most) - step!) < 1e-9, `${most}: ${roundStep(most)}`)
})

t.test('a line breaks where nothing is known', async (t) => {
  const { linePath } = await part('chart.js')
  const points = [
    { at: 0, x: 0, y: 1 },
    { at: 1000, x: 1, y: 2 },
    { at: 2000, x: 2, y: null },
    { at: 3000, x: 3, y: 3 },
    { at: 9000, x: 9, y: 4 }
  ]
  t.equal(linePath(points), 'M0.0 1.0L1.0 2.0M3.0 3.0M9.0 4.0')
  t.equal(linePath([]), '')
})

t.test('the parts of a health history are cut to the last ten minutes', async (t) => {
  const { partsOf } = await part('strip.js')
  const minutes = (number: number) => AT - number * 60_000
  const changes = [
    { at: minutes(100), to: 'checking', reason: '' },
    { at: minutes(90), to: 'healthy', reason: 'x' },
    { at: minutes(3), to: 'unhealthy', reason: 'y' }
  ]
  t.same(partsOf(changes, AT), [
    { at: minutes(10), to: 'healthy', reason: 'x', until: minutes(3) },
    { at: minutes(3), to: 'unhealthy', reason: 'y', until: AT }
  ])
})

t.test('a shortage is shown for a minute', async (t) => {
  const { shortageAlarm } = await part('totals.js')
  const alarm = (resource: string, secondsAgo: number, descriptorLimit: number | null = 64) =>
    shortageAlarm({
      at: AT,
      shortages: { descriptorLimit, latest: { at: new Date(AT - secondsAgo * 1000).toISOString(), resource } }
    })
  t.equal(
    alarm('descriptors', 10),
    'Out of file descriptors (64 may be open): connections are refused, raise LimitNOFILE or ulimit -n.'
  )
  t.match(alarm('descriptors', 59, null), /^Out of file descriptors: /)
  t.match(alarm('ports', 1), /^Out of local ports: connections are refused, see the log/)
  t.equal(alarm('descriptors', 61), '')
  t.equal(shortageAlarm({ at: AT, shortages: { descriptorLimit: 64, latest: null } }), '')
})
