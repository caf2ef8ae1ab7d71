import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { BlockList } from 'node:net'
import path from 'node:path'
import { mock } from 'node:test'
import fc from 'fast-check'
import type { Test } from 'tap'
import { setProxyHeader } from '../../../lib/listener/client/connection-info.js'
import { LineWriter } from '../../../lib/observe/access-log/line-writer.js'
import { combinedLine, jsonLine } from '../../../lib/observe/access-log/lines.js'
import { FailureLog } from '../../../lib/observe/failure-log.js'
import type { BackendFailure } from '../../../lib/pool/registry-events.js'
import type { EndedRequest } from '../../../lib/proxy/ended-request.js'
import { madeUp } from '../../support/message.js'
import { registryOf } from '../../support/registry.js'
import { eventually, test } from '../../support/test.js'

// Lines of the access log

const NOW_MS = Date.UTC(2026, 10, 5, 4, 3, 2, 1)
const MAX_LINE = 4096

function ended(over: Partial<EndedRequest> & { target?: string; requestId?: string }, ...head: string[]) {
  const { target = '/', requestId = 'id-1', ...rest } = over
  const [requestLine = 'GET / HTTP/1.1', ...lines] = head
  const req = madeUp(requestLine, ...lines)
  req.httpVersion = requestLine.slice(-3)
  return {
    req,
    res: { writableFinished: true },
    by: { target, requestId, forwarded: false, trusted: new BlockList() },
    statusCode: 200,
    failure: undefined,
    durationMs: 1500.12345,
    answeredBy: { address: '127.0.0.1:1' },
    backendMs: 0.5,
    attempts: 1,
    bytesIn: 3,
    bytesOut: 5,
    changesProtocol: false,
    ...rest
  } as EndedRequest
}

test('the unique id of a PROXY header is logged', async (t) => {
  const one = ended({})
  setProxyHeader(one.req.socket, { length: 0, source: undefined, uniqueId: 'a"\0' })
  t.equal(JSON.parse(jsonLine(one, NOW_MS)).connectionId, 'a"\0')
  t.notOk('connectionId' in JSON.parse(jsonLine(ended({}), NOW_MS)))
})

test('a line of JSON has everything', async (t) => {
  t.same(JSON.parse(jsonLine(ended({ target: '/a?token=b' }), NOW_MS)), {
    level: 30,
    time: NOW_MS,
    msg: 'request',
    client: 'unknown',
    method: 'GET',
    target: '/a?token=***',
    version: '1.1',
    status: 200,
    durationMs: 1500.123,
    backend: '127.0.0.1:1',
    backendMs: 0.5,
    attempts: 1,
    bytesIn: 3,
    bytesOut: 5,
    requestId: 'id-1'
  })
})

test("a combined line is Apache's, with the time at which the request came", async (t) => {
  const line = combinedLine(
    ended({}, 'POST / HTTP/1.0', 'Referer: http://a/?code=1', 'User-Agent: x "y" \\ ü'),
    NOW_MS
  )
  t.equal(
    line,
    'unknown - - [05/Nov/2026:04:03:00 +0000] "POST / HTTP/1.0" 200 5 "http://a/?code=***" "x \\"y\\" \\\\ \\xfc"\n'
  )
  t.match(combinedLine(ended({ bytesOut: 0 }), NOW_MS), '" 200 - "-" "-"\n')
})

test('clients can neither break nor forge a line, nor make it too long', async () => {
  const text = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 6000
  })
  fc.assert(
    fc.property(text, text, text, (target, requestId, field) => {
      const request = ended({ target: `/${target.replaceAll(/[?;&=#@]/g, '')}`, requestId }, 'GET / HTTP/1.1')
      request.req.headers.referer = `/${field}`
      request.req.headers['user-agent'] = field
      for (const line of [jsonLine(request, NOW_MS), combinedLine(request, NOW_MS)])
        if (line.length > MAX_LINE || !/^[\x20-\x7e]*\n$/.test(line)) return false
      const shown = JSON.parse(jsonLine(request, NOW_MS)).target as string
      const whole = request.by.target
      const quoted = / "GET (?:[^"\\]|\\.)*" 200 5 "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"\n$/
      return (
        (shown === whole || whole.startsWith(shown.replace(/\.\.\.$/, ''))) &&
        quoted.test(combinedLine(request, NOW_MS))
      )
    }),
    { numRuns: 200 }
  )
})

// Writer of lines

const LINES = 3000

/** A writer, and what it tells. */
function writing(file: string, heldBytes?: number) {
  const told = { dropped: 0, broken: [] as string[] }
  const writer = new LineWriter(
    file,
    {
      onDropped: (lines) => {
        told.dropped += lines
      },
      onBroken: (error) => told.broken.push((error as NodeJS.ErrnoException).code!)
    },
    heldBytes
  )
  return { writer, told }
}

const line = (i: number) => `line ${i} ${'.'.repeat(100)}\n`
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => line(from + i)).join('')
const fileIn = (t: Test) => path.join(t.testdir({}), 'access.log')

test('lines are appended to a file, soon and in order', async (t) => {
  const file = fileIn(t)
  fs.writeFileSync(file, 'before\n')
  const { writer, told } = writing(file)
  for (let i = 0; i < LINES; i++) writer.write(line(i))
  await eventually(() => fs.readFileSync(file, 'utf8') === `before\n${lines(0, LINES)}`)
  for (let i = 0; i < 3; i++) writer.write(line(i))
  await writer.end()
  t.equal(
    fs.readFileSync(file, 'utf8'),
    `before\n${lines(0, LINES)}${lines(0, 3)}`,
    'the last ones at the end'
  )
  t.same(told, { dropped: 0, broken: [] })
})

test('a file that is moved away is created anew', async (t) => {
  const file = fileIn(t)
  const { writer, told } = writing(file)
  writer.write(line(0))
  await eventually(() => fs.readFileSync(file, 'utf8') === line(0))
  fs.renameSync(file, `${file}.1`)
  let written = 1
  await eventually(() => {
    writer.write(line(written++))
    return fs.existsSync(file)
  }, 3000)
  await writer.end()
  t.equal(fs.readFileSync(`${file}.1`, 'utf8') + fs.readFileSync(file, 'utf8'), lines(0, written))
  t.same(told, { dropped: 0, broken: [] })
})

test('a reader that does not read loses lines, and gets complete ones; memory is bounded', async (t) => {
  const fifo = fileIn(t)
  execFileSync('mkfifo', [fifo])
  const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  const { writer, told } = writing(fifo, 100_000)
  for (let i = 0; i < LINES; i++) writer.write(line(i))
  const kept = LINES - told.dropped
  t.ok(kept * line(0).length <= 100_000 + line(0).length * 50, `${kept} lines are kept`)
  t.ok(told.dropped > LINES / 2, 'the others are counted')
  let text = ''
  const buffer = Buffer.alloc(65_536)
  const read = () => {
    try {
      text += buffer.toString('latin1', 0, fs.readSync(reader, buffer))
    } catch {
      // Nothing is there at the moment.
    }
    return text.length
  }
  await eventually(() => read() >= lines(0, kept).length)
  t.equal(text, lines(0, kept))
  writer.write(line(0))
  await eventually(() => read() > lines(0, kept).length)
  t.equal(text, lines(0, kept) + line(0), 'and it goes on')
  await writer.end()
  fs.closeSync(reader)
})

test('the end does not wait long for a reader', async (t) => {
  const fifo = fileIn(t)
  execFileSync('mkfifo', [fifo])
  const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  const { writer } = writing(fifo)
  for (let i = 0; i < LINES; i++) writer.write(line(i))
  const startMs = performance.now()
  await writer.end()
  t.ok(performance.now() - startMs < 10_000)
  fs.closeSync(reader)
})

test('a failing write is reported once, and its lines are counted', async (t) => {
  const { writer, told } = writing('/dev/full')
  for (let i = 0; i < 100; i++) writer.write(line(i))
  await eventually(() => told.dropped === 100)
  t.same(told.broken, ['ENOSPC'])
  await writer.end()
})

test('a file that cannot be opened is an error at once', async (t) => {
  t.throws(() => writing(path.join(t.testdir({}), 'no', 'such')), { code: 'ENOENT' })
})

// Failure log

const [a, b] = registryOf('a:80 b:80').backends
const REFUSED = { backend: a!, code: 'LB_BACKEND_UNREACHABLE', detail: 'connection refused' }
const RESET = { backend: a!, code: 'LB_CONNECTION_LOST', detail: 'connection reset' }
const CLOSED = { backend: a!, code: 'LB_CONNECTION_LOST', detail: 'connection closed' }
const REFUSED_BY_B = { ...REFUSED, backend: b! }

interface Line {
  readonly failure: BackendFailure
  readonly repeats: number
}

/** A log in whose time a second is a tick. */
function logOf(t: Test) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const lines: Line[] = []
  const log = new FailureLog((failure, repeats) => lines.push({ failure, repeats }))
  return { log, lines }
}

test('the first failure is written at once', async (t) => {
  const { log, lines } = logOf(t)
  log.record(REFUSED)
  t.same(lines, [{ failure: REFUSED, repeats: 1 }])
})

test('failures that follow within a second are one line with their count', async (t) => {
  const { log, lines } = logOf(t)
  for (let i = 0; i < 1001; i++) log.record(REFUSED)
  mock.timers.tick(999)
  log.record(REFUSED)
  t.equal(lines.length, 1)
  mock.timers.tick(1)
  t.same(lines.slice(1), [{ failure: REFUSED, repeats: 1001 }])
})

test('a single failure is one line', async (t) => {
  const { log, lines } = logOf(t)
  log.record(REFUSED)
  mock.timers.tick(10_000)
  t.equal(lines.length, 1)
})

test('after the second the next one is written at once again', async (t) => {
  const { log, lines } = logOf(t)
  log.record(REFUSED)
  log.record(REFUSED)
  mock.timers.tick(1000)
  log.record(REFUSED)
  t.same(
    lines.map(({ repeats }) => repeats),
    [1, 1, 1]
  )
  mock.timers.tick(1000)
  t.equal(lines.length, 3)
})

test('another backend, code or detail is another failure', async (t) => {
  const { log, lines } = logOf(t)
  for (const failure of [REFUSED, RESET, CLOSED, REFUSED_BY_B, REFUSED, REFUSED_BY_B]) log.record(failure)
  t.same(
    lines.map(({ failure }) => failure),
    [REFUSED, RESET, CLOSED, REFUSED_BY_B]
  )
  mock.timers.tick(1000)
  t.same(lines.slice(4), [
    { failure: REFUSED, repeats: 1 },
    { failure: REFUSED_BY_B, repeats: 1 }
  ])
})

test('flush writes what is held back, once', async (t) => {
  const { log, lines } = logOf(t)
  for (let i = 0; i < 4; i++) log.record(REFUSED)
  log.record(RESET)
  log.flush()
  t.same(lines.slice(2), [{ failure: REFUSED, repeats: 3 }])
  log.flush()
  mock.timers.tick(5000)
  t.equal(lines.length, 3)
})
