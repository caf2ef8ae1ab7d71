import { startBalancer, test, withoutChance } from '../helper.js'
import { LogFile } from '../support/access-log.js'
import { answering, OK, refusing, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { fieldValues } from '../support/wire.js'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SPAN_ID = 'b7ad6b7169203331'
const MADE = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/

const get = (...lines: string[]) => ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')

/** Valid ones (W3C Trace Context sections 3.2 and 4.1). */
const VALID = [
  `00-${TRACE_ID}-${SPAN_ID}-01`,
  `00-${TRACE_ID}-${SPAN_ID}-00`,
  `00-${TRACE_ID}-${SPAN_ID}-03`,
  `cc-${TRACE_ID}-${SPAN_ID}-01`,
  `cc-${TRACE_ID}-${SPAN_ID}-01-what-the-future-brings`
]
const INVALID = [
  '',
  'garbage',
  `ff-${TRACE_ID}-${SPAN_ID}-01`,
  `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
  `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
  `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
  `00-${TRACE_ID}-${SPAN_ID}`,
  `00-${TRACE_ID}-${SPAN_ID}-1`,
  `00-${TRACE_ID}-${SPAN_ID}-01-more`,
  `cc-${TRACE_ID}-${SPAN_ID}-01.more`,
  `00-${TRACE_ID}-${SPAN_ID}-01, 00-${TRACE_ID}-${SPAN_ID}-01`
]

test('the fields of a trace pass as they came, whatever they say, unless more is asked for', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const value of [...VALID, ...INVALID]) {
    await exchange(t, port, get(`TraceParent: ${value}`, 'tracestate: a=1', 'Tracestate: b=2'))
    const { fields } = backend.requests.at(-1)!
    t.same(fieldValues(fields, 'traceparent'), [value], value)
    t.same(fieldValues(fields, 'tracestate'), ['a=1', 'b=2'])
  }
  await exchange(t, port, get())
  t.same(fieldValues(backend.requests.at(-1)!.fields, 'traceparent'), [])
})

test('a valid parent passes unchanged where others are made', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_TRACEPARENT: 'true' })
  for (const value of VALID) {
    await exchange(t, port, get(`TraceParent: ${value}`, 'tracestate: a=1', 'Tracestate: b=2'))
    const { fields } = backend.requests.at(-1)!
    t.same(fieldValues(fields, 'traceparent'), [value], value)
    t.ok(
      fields.some(([name]) => name === 'TraceParent'),
      'in its case'
    )
    t.same(fieldValues(fields, 'tracestate'), ['a=1', 'b=2'])
  }
})

test('a parent is made where there is none, or an invalid one, whose state goes with it', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_TRACEPARENT: 'true' })
  const made = new Set<string>()
  for (const lines of [[], ...INVALID.map((value) => [`Traceparent: ${value}`]), [], []]) {
    await exchange(t, port, get(...lines, 'tracestate: a=1', 'X-Other: traceparent'))
    const { fields } = backend.requests.at(-1)!
    const values = fieldValues(fields, 'traceparent')
    t.equal(values.length, 1)
    t.match(values[0], MADE, lines.join())
    made.add(values[0]!)
    t.same(fieldValues(fields, 'tracestate'), [])
    t.same(fieldValues(fields, 'x-other'), ['traceparent'])
  }
  t.equal(made.size, INVALID.length + 3, 'each is another one')
})

test('a second try keeps the parent, and the access log names the trace', async (t) => {
  withoutChance(t)
  const log = new LogFile(t)
  const other = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [await refusing(t), other], {
    LB_TRACEPARENT: 'true',
    LB_ACCESS_LOG: 'all',
    LB_ACCESS_LOG_FILE: log.file
  })
  await exchange(t, port, get())
  const [, traceId] = fieldValues(other.requests[0]!.fields, 'traceparent')[0]!.split('-')
  t.match(await log.entries(1), [{ traceId, attempts: 2 }])
  await exchange(t, port, get(`traceparent: ${VALID[0]}`))
  t.match((await log.entries(2)).at(-1), { traceId: TRACE_ID })
})
