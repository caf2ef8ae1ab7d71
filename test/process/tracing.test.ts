import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { eventually, test } from '../helper.js'
import { lb } from '../support/child.js'
import { CLIENT, Collector, ERROR, SERVER } from '../support/collector.js'
import { type Env, LB, run } from '../support/processes.js'
import { answering, OK, type RawBackend, refusing, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { fieldValues } from '../support/wire.js'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SPAN_ID = 'b7ad6b7169203331'
const PARENT = `traceparent: 00-${TRACE_ID}-${SPAN_ID}-01`

const get = (target: string, ...lines: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: front.example:8000', ...lines, '', ''].join('\r\n')
const parentOf = (backend: RawBackend) =>
  fieldValues(backend.requests.at(-1)!.fields, 'traceparent').map((value) => value.split('-'))

/** A balancer that sends its spans to the collector at once. */
function tracing(t: Test, { url }: Collector, backends: readonly RawBackend[], env: Env = {}) {
  return lb(t, [], {
    PORT: '0',
    ...(backends.length === 0 ? {} : { LB_BACKENDS: backends.map(({ address }) => address).join(' ') }),
    LB_NO_HEALTH_CHECK: 'true',
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    ...env
  })
}

test('a request is a span, and each try one below it, above those of the backend', async (t) => {
  const collector = await new Collector().listen(t)
  const backend = await scripted(t, ({ startLine }, socket) =>
    socket.write(startLine.includes('/500') ? 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n' : OK)
  )
  const child = tracing(t, collector, [await refusing(t), backend], {
    OTEL_SERVICE_NAME: 'front',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    // The first to be tried is the one that refuses.
    LB_ALGORITHM: 'round-robin'
  })
  const port = await child.listening()

  await exchange(t, port, get('/a?q=1&token=S3CRET', PARENT, 'tracestate: a=1', 'User-Agent: test'))
  const spans = await collector.untilSpans(3)
  const [server] = spans.filter(({ kind }) => kind === SERVER)
  const attempts = spans.filter(({ kind }) => kind === CLIENT)
  t.match(server, {
    traceId: TRACE_ID,
    parentSpanId: SPAN_ID,
    traceState: 'a=1',
    name: 'GET',
    attributes: {
      'http.request.method': 'GET',
      'url.path': '/a',
      'url.query': 'q=1&token=***',
      'url.scheme': 'http',
      'server.address': 'front.example',
      'server.port': 8000,
      'client.address': '127.0.0.1',
      'network.peer.address': '127.0.0.1',
      'network.protocol.version': '1.1',
      'user_agent.original': 'test',
      'http.response.status_code': 200
    }
  })
  t.equal(server!.status.code ?? 0, 0)
  t.equal(attempts.length, 2)
  for (const { traceId, parentSpanId, startTimeUnixNano, endTimeUnixNano } of attempts) {
    t.equal(traceId, TRACE_ID)
    t.equal(parentSpanId, server!.spanId)
    t.ok(BigInt(startTimeUnixNano) >= BigInt(server!.startTimeUnixNano))
    t.ok(BigInt(endTimeUnixNano) <= BigInt(server!.endTimeUnixNano))
  }
  const [failed, answered] = attempts
  t.match(failed, { status: { code: ERROR }, attributes: { 'error.type': 'ECONNREFUSED' } })
  t.match(answered!.attributes, {
    'http.response.status_code': 200,
    'http.request.resend_count': 1,
    'url.full': `http://${backend.address}/a?q=1&token=***`,
    'server.port': Number(backend.address.split(':')[1])
  })
  t.same(parentOf(backend), [['00', TRACE_ID, answered!.spanId, '01']], 'the backend stands below the try')
  t.same(fieldValues(backend.requests[0]!.fields, 'tracestate'), ['a=1'])
  t.match(collector.resources[0], {
    'service.name': 'front',
    'service.version': /^\d/,
    'deployment.environment.name': 'test'
  })
  t.same([...collector.paths], ['POST /v1/traces'])

  await exchange(t, port, get('/500'))
  const { length } = await collector.untilSpans(5)
  const roots = collector.spans.filter(({ kind }) => kind === SERVER)
  t.equal(length, 5)
  t.notOk(roots[1]!.parentSpanId, 'a trace of its own')
  t.match(roots[1], { status: { code: ERROR }, attributes: { 'error.type': '500' } })
  t.equal(parentOf(backend)[0]![1], roots[1]!.traceId)

  await exchange(t, port, get('/refused', 'Expect: much'))
  await collector.untilSpans(6)
  t.match(collector.spans.at(-1), {
    kind: SERVER,
    attributes: { 'http.response.status_code': 417, 'error.type': 'LB_EXPECTATION' }
  })
  t.notMatch(JSON.stringify(collector.spans), /S3CRET/)
})

test('a span names the route and the pool of its request', async (t) => {
  const collector = await new Collector().listen(t)
  const backend = await scripted(t, answering(OK))
  const file = path.join(t.testdir({}), 'lb.json')
  const routes = [
    { name: 'moved', match: { path: '/old' }, redirect: { path: '/new' } },
    { name: 'shop', match: { 'path-prefix': '/new' }, pool: 'web' }
  ]
  writeFileSync(file, JSON.stringify({ pools: { web: { backends: [backend.address] } }, routes }))
  const port = await tracing(t, collector, [], { LB_CONFIG: file }).listening()
  for (const target of ['/old', '/new', '/none']) await exchange(t, port, get(target))
  await collector.untilSpans(4)
  const spans = new Map(
    collector.spans
      .filter(({ kind }) => kind === SERVER)
      .map(({ attributes }) => [
        attributes['url.path'],
        [attributes['fairlead.route'], attributes['fairlead.pool']]
      ])
  )
  t.same(Object.fromEntries(spans), {
    '/old': ['moved', undefined],
    '/new': ['shop', 'web'],
    '/none': [undefined, undefined]
  })
})

test('what is not sampled leaves no span, and says so to the backend', async (t) => {
  const collector = await new Collector().listen(t)
  const backend = await scripted(t, answering(OK))
  const child = tracing(t, collector, [backend], { OTEL_TRACES_SAMPLER: 'parentbased_always_off' })
  const port = await child.listening()
  await exchange(t, port, get('/unsampled'))
  t.equal(parentOf(backend)[0]![3], '00')
  await exchange(t, port, get('/sampled', PARENT))
  t.equal(parentOf(backend)[0]![1], TRACE_ID)
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
  t.same(collector.spans.map(({ attributes }) => attributes['url.path']).filter(Boolean), ['/sampled'])
})

test('spans are sent before the end, in the form of the default protocol', async (t) => {
  const collector = await new Collector().listen(t)
  const backend = await scripted(t, answering(OK))
  const child = tracing(t, collector, [backend], {
    OTEL_EXPORTER_OTLP_PROTOCOL: '',
    OTEL_BSP_SCHEDULE_DELAY: '60000'
  })
  await exchange(t, await child.listening(), get('/last', PARENT))
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
  t.same([...collector.types], ['application/x-protobuf'])
  const body = Buffer.concat(collector.bodies)
  t.ok(body.includes(Buffer.from(TRACE_ID, 'hex')))
  t.ok(body.includes('/last'))
})

test('a collector that is not there is told of, and harms no request and no end', async (t) => {
  const backend = await scripted(t, answering(OK))
  const collector = await refusing(t)
  const child = lb(t, [], {
    PORT: '0',
    LB_BACKENDS: backend.address,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${collector.address}`,
    OTEL_BSP_SCHEDULE_DELAY: '50'
  })
  const port = await child.listening()
  await exchange(t, port, get('/'))
  const startMs = performance.now()
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
  t.ok(performance.now() - startMs < 5000)
  t.match(child.output, 'Traces: ')
})

test('packages that are missing are named, and nothing starts', async (t) => {
  const hook = path.join(t.testdir({}), 'without.cjs')
  writeFileSync(
    hook,
    `const Module = require('node:module')
    const resolve = Module._resolveFilename
    Module._resolveFilename = function (name, ...rest) {
      if (name.startsWith('@opentelemetry/')) throw Object.assign(new Error(name), { code: 'MODULE_NOT_FOUND' })
      return resolve.call(this, name, ...rest)
    }`
  )
  const NODE_OPTIONS = `--require=${hook}`
  const { code, stderr, stdout } = await run([LB], {
    PORT: '0',
    NODE_OPTIONS,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318'
  })
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(
    stderr,
    'OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, and these packages are not installed: npm install'
  )
  for (const name of ['api', 'resources', 'sdk-trace-base', 'exporter-trace-otlp-proto'])
    t.match(stderr, `@opentelemetry/${name}`)

  const backend = await scripted(t, answering(OK))
  const without: Env[] = [
    {},
    { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
  ]
  for (const env of without) {
    const child = lb(t, [], { PORT: '0', LB_BACKENDS: backend.address, NODE_OPTIONS, ...env })
    await exchange(t, await child.listening(), get('/'))
    child.kill('SIGTERM')
    await eventually(() => child.ended !== undefined, 5000)
    t.equal(child.ended, 0, 'they are not missed by who wants no traces')
  }
})
