import t from 'tap'
import { RequestHeadReader } from '../../../../lib/listener/http2/request/request-head.js'
import {
  BAD_REQUEST,
  BODY_TOO_LARGE,
  EXPECTATION_FAILED,
  type Failure,
  LOOP,
  TARGET_TOO_LONG,
  TOO_MANY_FIELDS
} from '../../../../lib/proxy/failure.js'
import { checkRequest } from '../../../../lib/proxy/request/request-check.js'
import { ACCEPTED, GET, POST } from './accepted-requests.js'
import { decoded, LIMITS, readRequest } from './read-request.js'

const KEY = /^sec-websocket-key: [A-Za-z0-9+/]{22}==$/
const REQUEST_LIMITS = { ...LIMITS, headers: LIMITS.fields }

for (const {
  section,
  lines,
  http1,
  plain = http1.slice(1),
  isOpen = false,
  hasBody = false,
  special
} of ACCEPTED)
  t.test(`read as of HTTP/1.1: ${section}`, async (t) => {
    const { head, req } = readRequest(decoded(lines), !isOpen) ?? {}
    if (!head || !req) throw new Error('malformed')
    const list = req.rawHeaders
    const fields = list.flatMap((text, i) => (i % 2 === 0 ? `${text}: ${list[i + 1]}` : []))
    const shown = fields.map((line) => (KEY.test(line) ? 'sec-websocket-key: *' : line))
    t.same([`${req.method} ${req.url}`, ...shown], http1)
    t.equal(head.hasBody, hasBody)
    t.equal(req.hasBody, hasBody)
    t.equal(req.plainLines, special ? undefined : plain.map((line) => `${line}\r\n`).join(''))
    t.equal(req.plainHost, req.headers.host)
    // A CONNECT without a path is refused elsewhere.
    t.ok(req.url === '' || 'path' in checkRequest(req, req.url!, REQUEST_LIMITS))
  })

t.test('what is well-formed, but not served, is refused by the checks of requests', async (t) => {
  const changed = (from: string, to: string) => GET.map((line) => line.replace(from, to))
  const refused: readonly (readonly [readonly string[], Failure])[] = [
    [changed('https', 'ftp'), BAD_REQUEST],
    [changed('https', 'a+b-c.9'), BAD_REQUEST],
    [changed('https', 'wss'), BAD_REQUEST],
    [[':method: GET', ':scheme: urn', ':path: a:b'], BAD_REQUEST],
    [changed('/x?y=1', '/a#b'), BAD_REQUEST],
    [changed('/x?y=1', '/\xe4'), BAD_REQUEST],
    [changed('/x?y=1', `/${'a'.repeat(100)}`), TARGET_TOO_LONG],
    [changed('a.example', 'a.example:65536'), BAD_REQUEST],
    [changed('a.example', 'a/b'), BAD_REQUEST],
    [changed('a.example', 'a,b'), BAD_REQUEST],
    [changed('a.example', '\xe4'), BAD_REQUEST],
    [[...GET.filter((line) => !line.startsWith(':authority')), 'host: a@b'], BAD_REQUEST],
    [[...GET, ...Array<string>(25).fill('a: 1')], TOO_MANY_FIELDS],
    [[...GET, 'content-length: 1001'], BODY_TOO_LARGE],
    [[...GET, 'content-length: 9999999999999999'], BAD_REQUEST],
    [[...GET, 'expect: a'], EXPECTATION_FAILED],
    [[...GET, `via: ${'2.0 fairlead, '.repeat(10)}2.0 a`], LOOP]
  ]
  for (const [lines, failure] of refused) {
    const { req } = readRequest(decoded(lines), false) ?? {}
    t.equal(req && checkRequest(req, req.url!, REQUEST_LIMITS), failure, JSON.stringify(lines))
  }
})

t.test('one reader reads one head after another', async (t) => {
  const { head } = readRequest(
    decoded([
      ...POST,
      'cookie: a',
      'te: trailers',
      'x-request-id: b',
      'priority: u=1',
      'priority: i',
      'content-length: 9'
    ]),
    false
  )!
  t.equal(head.priority, 'u=1, i')
  t.equal(head.givenId, 'b')
  t.equal(head.contentLength, 9)
  t.ok(head.read(decoded(GET), true))
  const { priority, givenId, contentLength, plainLines, hasBody, scheme } = head
  t.same(
    { priority, givenId, contentLength, plainLines, hasBody, scheme },
    {
      priority: '',
      givenId: '',
      contentLength: -1,
      plainLines: 'host: a.example\r\n',
      hasBody: false,
      scheme: 'https'
    }
  )
})

t.test('a head that is read again is read alike, and so is one that differs in a field', async (t) => {
  const reader = new RequestHeadReader(LIMITS)
  const shown = () => JSON.stringify(reader)
  const first = decoded([
    ...POST,
    'a: 1',
    'content-length: 5',
    'priority: u=1',
    'via: x',
    'b: 2',
    'x-request-id: y'
  ])
  t.ok(reader.read(first, false))
  const once = shown()
  t.ok(reader.read([...first], false))
  t.equal(shown(), once)
  t.notOk(reader.read([...first], true), 'a length without a body')
  for (let i = 8; i < first.length; i++) {
    for (const text of ['c', '\0', 'a', '1']) {
      const changed = first.with(i, text)
      const fresh = new RequestHeadReader(LIMITS)
      const isRead = fresh.read(changed, false)
      t.equal(reader.read(changed, false), isRead, JSON.stringify(changed))
      if (isRead) t.equal(shown(), JSON.stringify(fresh))
      reader.read(first, false)
    }
  }
})

t.test('nothing is left of the head before in one that is malformed', async (t) => {
  const reader = new RequestHeadReader(LIMITS)
  const post = decoded([...POST, 'x-request-id: other', 'content-length: 5', 'priority: u=1'])
  const socket = decoded([':method: CONNECT', ':protocol: websocket', ...GET.slice(1)])
  for (const before of [post, socket]) {
    for (const fields of [[], decoded([':method: GET', ':method: GET']), decoded([':path: /'])]) {
      t.equal(reader.read(before, false), true)
      t.equal(reader.read(fields, true), false)
      const { method, target, host, scheme, givenId, priority, isConnect, isWebSocket, hasBody } = reader
      t.same([method, target, host, scheme, givenId, priority], ['', '', '', '', '', ''])
      t.same([isConnect, isWebSocket, hasBody], [false, false, false])
      t.same([reader.contentLength, reader.plainLines], [-1, undefined])
    }
  }
})
