import { BlockList } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { setProxyHeader } from '../../../../lib/listener/client/connection-info.js'
import { combinedLine, jsonLine } from '../../../../lib/observe/access-log/lines.js'
import type { EndedRequest } from '../../../../lib/proxy/ended-request.js'
import { madeUp } from '../../../support/message.js'

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

t.test('a connection that a proxy has given a name has it', async (t) => {
  const one = ended({})
  setProxyHeader(one.req.socket, { length: 0, source: undefined, uniqueId: 'a"\0' })
  t.equal(JSON.parse(jsonLine(one, NOW_MS)).connectionId, 'a"\0')
  t.notOk('connectionId' in JSON.parse(jsonLine(ended({}), NOW_MS)))
})

t.test('a line of JSON has everything', async (t) => {
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

t.test("a combined line is Apache's, with the time at which the request came", async (t) => {
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

t.test('nothing that a client sends breaks a line, forges one or makes it too long', async () => {
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
