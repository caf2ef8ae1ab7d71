import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { checkRequest } from '../../../../lib/proxy/request/request-check.js'
import { madeUp } from '../../../support/message.js'

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
