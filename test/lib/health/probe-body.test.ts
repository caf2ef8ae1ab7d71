import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { probeWith, socketBackend } from '../../support/check.js'

const KIB_64 = 65_536
const BEFORE_BODY = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'

/** What a check that wants `wanted` says of an answer. */
async function check(t: Test, wanted: string, answer: (socket: Socket) => unknown, timeout = '10') {
  const backend = await socketBackend(t, (socket) => void answer(socket))
  const { ok, result } = await probeWith({
    LB_HEALTH_CHECK_BODY: wanted,
    LB_HEALTH_CHECK_TIMEOUT: timeout
  })(backend)
  return [ok, result]
}

/** The same of a body that comes in parts, each in a packet of its own. */
function inParts(t: Test, wanted: string, ...parts: (string | Buffer)[]) {
  return check(t, wanted, async (socket) => {
    socket.setNoDelay(true).write(BEFORE_BODY)
    for (const part of parts) {
      socket.write(part)
      await sleep(20)
    }
    socket.end()
  })
}

const PASSED = [true, 'status 200']
const NO_TEXT = [false, 'status 200, body without the text wanted']
const NO_MATCH = [false, 'status 200, body without a match of the pattern']

t.test('a text', async (t) => {
  t.same(await inParts(t, 'ready', '{"state":"ready"}'), PASSED)
  t.same(await inParts(t, 'ready', '{"state":"Ready"}'), NO_TEXT)
  t.same(await inParts(t, 'ready', ''), NO_TEXT)
  t.same(await inParts(t, 'grün', 'alles grün'), PASSED)
})

t.test('a text across parts of the body', async (t) => {
  t.same(await inParts(t, 'ready', 'rea', 'd', 'y'), PASSED)
  const [first, second] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)]
  t.same(await inParts(t, 'grün', 'gr', first, second, 'n'), PASSED)
  t.same(await inParts(t, '/gr.n/', 'gr', first, second, 'n'), PASSED)
})

t.test('a text across chunks of a chunked body: their sizes are no part of it', async (t) => {
  const answer = (socket: Socket) =>
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n')
  t.same(await check(t, 'ready', answer), PASSED)
})

t.test('a pattern', async (t) => {
  t.same(await inParts(t, '/"state": *"(ok|ready)"/', '{"state": ', '"ready"}'), PASSED)
  t.same(await inParts(t, '/READY/', 'ready'), NO_MATCH)
  t.same(await inParts(t, '/READY/i', 'ready'), PASSED)
  t.same(await inParts(t, '/^b$/m', 'a\nb\nc'), PASSED)
  t.same(await inParts(t, '/a/b/', 'a/b'), PASSED)
  t.same(await inParts(t, '/^ready$/', 'ready', ' not'), NO_MATCH)
})

t.test('a pattern asked again remembers nothing', async (t) => {
  let body = 'ready'
  const backend = await socketBackend(t, (socket) => socket.end(BEFORE_BODY + body))
  const probe = probeWith({ LB_HEALTH_CHECK_BODY: '/^ready$/' })
  for (const [text, ok] of [
    ['ready', true],
    ['not ready', false],
    ['ready', true],
    ['ready', true]
  ] as const) {
    body = text
    t.equal((await probe(backend)).ok, ok, text)
  }
})

t.test('the first 64 KiB count, and what follows is not waited for', async (t) => {
  const start = (size: number, text: string) => (socket: Socket) => {
    socket.on('error', () => {})
    socket.write(`${BEFORE_BODY}${'.'.repeat(size)}${text}`)
  }
  const filler = 'x'.repeat(KIB_64)
  t.same(await check(t, 'ready', start(KIB_64 - 5, `ready${filler}`)), PASSED)
  t.same(await check(t, 'ready', start(KIB_64 - 4, `ready${filler}`)), NO_TEXT)
  t.same(await check(t, '/ready/', start(KIB_64 - 4, `ready${filler}`)), NO_MATCH)
})

t.test('the time of a check includes the body that it looks at', async (t) => {
  const answer = (socket: Socket) => socket.write(`${BEFORE_BODY}ready`)
  t.same(await check(t, 'ready', answer, '0.2'), [false, 'no answer within 0.2 s'])
})

t.test('a body that breaks', async (t) => {
  const answer = (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nready')
  t.same(await check(t, 'ready', answer), [false, 'connection closed'])
})

t.test('a wrong status is the result, without a look at the body', async (t) => {
  const answer = (socket: Socket) => socket.write('HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nready')
  t.same(await check(t, 'ready', answer), [false, 'status 503'])
})

t.test('an answer that has no body', async (t) => {
  const answer = (socket: Socket) => socket.end('HTTP/1.1 204 None\r\n\r\n')
  t.same(await check(t, 'ready', answer), [false, 'status 204, body without the text wanted'])
})

t.test('a pattern that backtracks without end is stopped', async (t) => {
  const startMs = performance.now()
  const body = 'a'.repeat(40)
  t.same(await inParts(t, '/^(a+)+$/', body, '!'), [
    false,
    'status 200, pattern of the body not matched within 100 ms'
  ])
  t.ok(performance.now() - startMs < 5000)
})
