import type { IncomingMessage } from 'node:http'
import t from 'tap'
import type { Resource } from '../../../lib/base/shortage/resource.js'
import { classify, NO_BACKEND, OVERLOADED } from '../../../lib/proxy/failure.js'
import { checkRequest } from '../../../lib/proxy/request/request-check.js'
import { ConnectionClosed } from '../../../lib/transport/connection-closed.js'
import { BrokenResponse } from '../../../lib/transport/http1/broken-response.js'
import {
  NotHttp2,
  PingTimeout,
  RequestRefused,
  SettingsTimeout,
  StreamReset
} from '../../../lib/transport/http2/errors.js'
import { ConnectTimeout } from '../../../lib/transport/sockets/open-socket.js'
import { madeUp } from '../../support/message.js'

// Request check

const NO_LIMITS = { headers: 1000, targetBytes: 8000, bodyBytes: 0 }
const HOST = 'Host: a.test'

const targetOf = (requestLine: string) => requestLine.split(' ')[1]!

/** The status that a request is refused with, or where it goes. */
function checked(lines: readonly string[], limits = NO_LIMITS) {
  const req: IncomingMessage = madeUp(...lines)
  const result = checkRequest(req, targetOf(lines[0]!), limits)
  return 'statusCode' in result ? result.statusCode : result
}

/** The same of a plain request with these fields. */
const withFields = (...fields: string[]) => checked(['POST /path HTTP/1.1', HOST, ...fields])
const PASSED = { path: '/path', authority: undefined }

t.test('a plain request goes to its target', async (t) => {
  t.same(withFields(), PASSED)
  t.same(withFields('X-Host: b', 'Hosts: c', 'Host2: d', 'Date: e', 'From: f'), PASSED)
})

t.test('other versions than HTTP/1.0 and HTTP/1.1 are not spoken', async (t) => {
  for (const version of ['1.1', '1.0']) t.same(checked([`GET /path HTTP/${version}`, HOST]), PASSED, version)
  for (const version of ['0.9', '0.0', '1.2', '1.9', '2.0', '2.1', '3.0'])
    t.equal(checked([`GET /path HTTP/${version}`, HOST]), 505, version)
})

t.test('a request names one host', async (t) => {
  t.same(checked(['GET /path HTTP/1.0']), PASSED, 'or none in HTTP/1.0')
  for (const fields of [
    [HOST, HOST],
    [HOST, 'Host: b.test'],
    ['Host:', HOST],
    [HOST, 'A: 1', 'HOST: a.test'],
    ['host: a.test', 'hOST:']
  ])
    t.equal(checked(['GET / HTTP/1.1', ...fields]), 400, `${fields}`)
})

const GOOD_HOSTS = [
  'a',
  'a.test',
  'A.Test.',
  'a.test:',
  'a.test:0',
  'a.test:80',
  'a.test:65535',
  'a.test:00080',
  'x_y-z~.test',
  'a%2Fb',
  "a!$&'*+=b",
  '10.0.0.1:8080',
  '999.1',
  '[::1]',
  '[2001:DB8::7]:8080',
  '[::ffff:10.0.0.1]',
  `${'a.'.repeat(100)}test`
]

const BAD_HOSTS = [
  ':80',
  ':',
  'a.test:65536',
  'a.test:99999',
  'a.test:000080',
  'a.test:80:80',
  'a.test:http',
  'a.test:-1',
  'a.test:+1',
  'a.test: 80',
  'a:b@c',
  'me@a.test',
  '@a.test',
  'a.test/',
  '/',
  'a.test?',
  'a.test#',
  'a\\b',
  'a b',
  'a\tb',
  'a,b',
  'a.test, a.test',
  'a"b',
  'a<b>',
  'a|b',
  'a^b',
  'a`b',
  'a{b}',
  'caf\xe9.test',
  'a\0b',
  'a\x7f',
  'http://a.test',
  '::1',
  '[::1',
  '::1]',
  '[::1]x',
  'x[::1]',
  '[::1]80',
  '[::1]:65536',
  '[]',
  '[:]',
  '[g::1]',
  '[fe80::1%25eth0]',
  '[v1.x]',
  `[${':'.repeat(46)}]`
]

t.test('a host is a name or an address, with a port or without', async (t) => {
  for (const host of GOOD_HOSTS) t.same(checked(['GET /path HTTP/1.1', `Host: ${host}`]), PASSED, host)
  t.same(checked(['GET /path HTTP/1.1', 'Host:']), PASSED, 'an empty one')
})

t.test('a host that is none is refused, every time that it comes', async (t) => {
  for (const host of BAD_HOSTS) {
    const lines = ['GET /path HTTP/1.1', `Host: ${host}`]
    // Between good ones, as the last one is remembered.
    t.same([checked(lines), checked(lines), withFields(), checked(lines)], [400, 400, PASSED, 400], host)
  }
})

t.test('a target in absolute form names a host by the same rules', async (t) => {
  for (const host of GOOD_HOSTS) {
    const line = `GET http://${host}/path HTTP/1.1`
    const passed = { path: '/path', authority: host }
    t.same(checked([line, `Host: ${host.toUpperCase()}`]), passed, host)
    t.same(checked([line.replace('1.1', '1.0')]), passed, `${host} alone`)
  }
  for (const host of BAD_HOSTS) {
    if (/[ ?/]/.test(host)) continue
    t.equal(checked([`GET http://${host}/path HTTP/1.1`, HOST]), 400, host)
    t.equal(checked([`GET http://${host}/path HTTP/1.0`]), 400, `${host} alone`)
  }
})

t.test('and that host is the same as in the field', async (t) => {
  for (const [target, host, isSame] of [
    ['a.test', 'a.test', true],
    ['A.TEST', 'a.test', true],
    ['a.test:80', 'a.test', true],
    ['a.test', 'a.test:80', true],
    ['a.test:', 'a.test:80', true],
    ['a.test:8080', 'A.test:8080', true],
    ['[::1]:80', '[::1]', true],
    ['a.test', 'b.test', false],
    ['a.test', 'a.test.', false],
    ['a.test', '', false],
    ['a.test', 'a.test:8080', false],
    ['a.test:8080', 'a.test', false],
    ['a.test:8080', 'a.test:808', false],
    ['a.test:8080', 'a.test:80', false],
    ['a.test:443', 'a.test', false],
    ['[::1]', '[::2]', false]
  ] as const)
    for (const [scheme, port] of [
      ['http', '80'],
      ['https', '443'],
      ['HTTPS', '443']
    ] as const) {
      const ofScheme = (authority: string) =>
        authority.replace(/:(80|443)$/, (_, of) => `:${of === '80' ? port : of === port ? '80' : of}`)
      const [named, field] = [ofScheme(target), ofScheme(host)]
      const result = checked([`GET ${scheme}://${named}/path HTTP/1.1`, `Host: ${field}`])
      t.same(result, isSame ? { path: '/path', authority: named } : 400, `${scheme}, ${named} and ${field}`)
    }
})

t.test('a target of another form is refused', async (t) => {
  for (const line of [
    'GET * HTTP/1.1',
    'GET path HTTP/1.1',
    'GET a.test:80 HTTP/1.1',
    'GET ftp://a.test/ HTTP/1.1',
    'GET http:///path HTTP/1.1',
    'GET /path#a HTTP/1.1',
    'CONNECT a.test:443 HTTP/1.1'
  ])
    t.equal(checked([line, HOST]), 400, line)
  t.same(checked(['OPTIONS * HTTP/1.1', HOST]), { path: '*', authority: undefined })
})

t.test('the coding of a body is chunks, once, and HTTP/1.0 has none', async (t) => {
  for (const coding of ['chunked', 'Chunked', 'CHUNKED'])
    t.same(withFields(`Transfer-Encoding: ${coding}`), PASSED, coding)
  for (const coding of [
    '',
    'gzip',
    'identity',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'chunked, identity',
    'chunked,',
    'chunked;q=1',
    'xchunked',
    'chunkedx',
    '"chunked"',
    'chunked\xa0',
    '\x0bchunked'
  ])
    t.equal(withFields(`Transfer-Encoding: ${coding}`), 400, JSON.stringify(coding))
  t.equal(withFields('Transfer-Encoding: chunked', 'transfer-encoding: chunked'), 400)
  t.equal(withFields('Transfer-Encoding: chunked', 'Transfer-Encoding: identity'), 400)
  t.equal(checked(['POST /path HTTP/1.0', HOST, 'Transfer-Encoding: chunked']), 400)
})

t.test('a length is one that everybody reads exactly, and alone', async (t) => {
  for (const length of ['0', '1', '007', '9'.repeat(15)])
    t.same(withFields(`Content-Length: ${length}`), PASSED, length)
  for (const length of ['9'.repeat(16), `${'0'.repeat(15)}1`, '1'.repeat(40)])
    t.equal(withFields(`Content-Length: ${length}`), 400, length)
  for (const length of ['0', '5']) {
    t.equal(withFields(`Content-Length: ${length}`, 'Transfer-Encoding: chunked'), 400)
    t.equal(withFields('Transfer-Encoding: chunked', `Content-Length: ${length}`), 400)
  }
})

t.test('nothing is expected but 100-continue, and nothing at all in HTTP/1.0', async (t) => {
  for (const expectation of ['100-continue', '100-Continue'])
    t.same(withFields(`Expect: ${expectation}`), PASSED, expectation)
  for (const expectation of [
    '',
    '200-ok',
    '100-continue, x',
    'x, 100-continue',
    '100-continuee',
    '100 continue'
  ])
    t.equal(withFields(`Expect: ${expectation}`), 417, expectation)
  t.same(checked(['POST /path HTTP/1.0', HOST, 'Expect: 200-ok']), PASSED)
})

// Request limits

const LIMITS = { headers: 5, targetBytes: 10, bodyBytes: 1000 }

/** The status that a request is refused with, if it is. */
function refusal(limits: typeof LIMITS, target: string, ...fields: string[]): number | undefined {
  const result = checkRequest(madeUp(`POST ${target} HTTP/1.1`, 'Host: a', ...fields), target, limits)
  return 'statusCode' in result ? result.statusCode : undefined
}

t.test('the target of a request may be so long', async (t) => {
  t.equal(refusal(LIMITS, '/123456789'), undefined)
  t.equal(refusal(LIMITS, '/1234567890'), 414)
  t.equal(refusal(LIMITS, 'http://a/'), undefined)
  t.equal(refusal(LIMITS, 'http://a/12'), 414, 'whatever its form')
})

t.test('a request may have so many fields', async (t) => {
  t.equal(refusal(LIMITS, '/', 'A: 1', 'A: 2', 'A: 3', 'A: 4'), undefined)
  t.equal(refusal(LIMITS, '/', 'A: 1', 'A: 2', 'A: 3', 'A: 4', 'A: 5'), 431)
})

t.test('a body may be so large, if there is a limit', async (t) => {
  for (const [length, bodyBytes, status] of [
    ['1000', 1000, undefined],
    ['1001', 1000, 413],
    ['999999999999999', 1000, 413],
    ['1001', 1001, undefined],
    ['999999999999999', 0, undefined]
  ] as const)
    t.equal(
      refusal({ ...LIMITS, bodyBytes }, '/', `Content-Length: ${length}`),
      status,
      `${length} of ${bodyBytes}`
    )
  t.equal(refusal(LIMITS, '/', 'Transfer-Encoding: chunked'), undefined, 'how large that is nobody knows yet')
})

t.test('a request that has come by too often goes in circles', async (t) => {
  const via = (count: number) => Array.from({ length: count }, () => '1.1 fairlead')
  const limits = { ...LIMITS, headers: 100 }
  t.equal(refusal(limits, '/', `Via: ${via(7).join(', ')}`, 'Via: 1.1 other'), undefined)
  t.equal(refusal(limits, '/', `Via: ${via(8).join(', ')}`), 508)
  t.equal(refusal(limits, '/', ...via(8).map((value) => `via: ${value}`)), 508, 'in several fields')
  t.equal(refusal(limits, '/', `X-Via: ${via(8).join(', ')}`), undefined)
})

// Failures

const systemError = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.7:8080`), { code })
const BEFORE_SENT = false
const SENT = true

t.test('before the request was sent', async (t) => {
  for (const [error, statusCode, code, unreachable] of [
    [systemError('ECONNREFUSED'), 502, 'LB_BACKEND_UNREACHABLE', true],
    [systemError('EHOSTUNREACH'), 502, 'LB_BACKEND_UNREACHABLE', true],
    [systemError('ENOTFOUND'), 502, 'LB_BACKEND_UNREACHABLE', true],
    [new AggregateError([systemError('ECONNREFUSED')]), 502, 'LB_BACKEND_UNREACHABLE', true],
    [systemError('ECONNRESET'), 502, 'LB_BACKEND_UNREACHABLE', false],
    [systemError('EAI_AGAIN'), 502, 'LB_BACKEND_UNREACHABLE', false],
    [systemError('DEPTH_ZERO_SELF_SIGNED_CERT'), 502, 'LB_BACKEND_UNREACHABLE', false],
    [systemError('ETIMEDOUT'), 504, 'LB_CONNECT_TIMEOUT', false],
    [new ConnectTimeout(), 504, 'LB_CONNECT_TIMEOUT', false],
    [new SettingsTimeout(), 504, 'LB_CONNECT_TIMEOUT', false],
    [new NotHttp2(), 502, 'LB_BACKEND_UNREACHABLE', false]
  ] as const) {
    t.hasStrict(
      classify(error, BEFORE_SENT),
      { failure: { statusCode, code }, missing: undefined, unreachable, connectionLost: false },
      error.message || error.name
    )
  }
})

t.test('after it was sent', async (t) => {
  for (const [error, statusCode, code, connectionLost] of [
    [new ConnectionClosed(), 502, 'LB_CONNECTION_LOST', true],
    [systemError('ECONNRESET'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('EPIPE'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('ECONNABORTED'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('EHOSTUNREACH'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('ENETUNREACH'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('ETIMEDOUT'), 502, 'LB_CONNECTION_LOST', false],
    [new StreamReset(8), 502, 'LB_CONNECTION_LOST', true],
    [new PingTimeout(), 502, 'LB_CONNECTION_LOST', true],
    [systemError('LB_RESPONSE_TIMEOUT'), 504, 'LB_RESPONSE_TIMEOUT', false],
    [new BrokenResponse('no HTTP'), 502, 'LB_BAD_RESPONSE', false]
  ] as const) {
    t.hasStrict(
      classify(error, SENT),
      { failure: { statusCode, code }, missing: undefined, unreachable: false, connectionLost },
      error.message
    )
  }
})

t.test('that a backend has not looked at a request is no loss of its connection', async (t) => {
  const refused = { failure: { code: 'LB_CONNECTION_LOST' }, connectionLost: false, unprocessed: true }
  t.hasStrict(classify(new RequestRefused(false), SENT), refused)
  t.equal(classify(new ConnectionClosed(), SENT).unprocessed, false)
})

const MISSING: Readonly<Record<string, Resource>> = {
  EMFILE: 'descriptors',
  ENFILE: 'descriptors',
  ENOBUFS: 'memory',
  ENOMEM: 'memory',
  EADDRNOTAVAIL: 'ports'
}

t.test('what this machine lacks is not the backend’s fault', async (t) => {
  for (const sent of [BEFORE_SENT, SENT]) {
    for (const code of Object.keys(MISSING)) {
      t.hasStrict(
        classify(systemError(code), sent),
        {
          failure: { statusCode: 503, code: 'LB_OVERLOADED' },
          missing: MISSING[code]!,
          unreachable: false,
          connectionLost: false
        },
        code
      )
    }
  }
})

t.test('an answer of the balancer has the shape of Fastify’s errors, and no address', async (t) => {
  const error = Object.assign(systemError('ECONNREFUSED'), { address: '10.0.0.7', port: 8080 })
  const { failure, detail } = classify(error, BEFORE_SENT)
  t.same(Object.keys(failure).sort(), ['code', 'error', 'message', 'statusCode'])
  t.equal(failure.error, 'Bad Gateway')
  t.notMatch(JSON.stringify(failure) + detail, /10\.0\.0\.7|8080/)
  t.hasStrict(NO_BACKEND, { statusCode: 503, code: 'LB_NO_BACKEND', error: 'Service Unavailable' })
  t.hasStrict(OVERLOADED, { statusCode: 503, code: 'LB_OVERLOADED', error: 'Service Unavailable' })
})
