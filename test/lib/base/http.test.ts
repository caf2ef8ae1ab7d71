import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { isGrpcHead, timeoutOf } from '../../../lib/base/grpc/call.js'
import { decodeMessage, encodeMessage, statusName } from '../../../lib/base/grpc/status.js'
import { connectionOptions, FieldNames } from '../../../lib/base/http/field-names.js'
import { destinationOf, isAdminTarget } from '../../../lib/base/http/request-target.js'
import * as failures from '../../../lib/proxy/failure.js'
import { grpcStatusOf } from '../../../lib/proxy/local-reply/grpc-reply.js'

// Field names

t.test('a name is found in any case', async (t) => {
  const names = new FieldNames(['connection', 'te', 'x-real-ip', 'http2-settings'])
  for (const name of [
    'connection',
    'Connection',
    'CONNECTION',
    'cOnNeCtIoN',
    'te',
    'TE',
    'X-Real-IP',
    'HTTP2-Settings'
  ])
    t.ok(names.has(name), name)
})

t.test('similar names are distinguished', async (t) => {
  const names = new FieldNames(['connection', 'te'])
  const others = [
    'connectioN-',
    'connectiom',
    'condection',
    'et',
    'tE2',
    't',
    '',
    'c',
    '#onnection',
    '\x03onnection',
    'x'.repeat(64),
    'c'.repeat(500)
  ]
  for (const name of others) t.notOk(names.has(name), JSON.stringify(name))
})

t.test('names of the same CGI variable are equivalent', async (t) => {
  const names = new FieldNames(['x-forwarded-for', 'te', 'content-length'])
  for (const name of [
    'X-Forwarded-For',
    'x_forwarded_for',
    'X_FORWARDED-For',
    'X.Forwarded.For',
    "x'forwarded`for",
    'x+forwarded!for',
    'TE',
    'Content_Length'
  ])
    t.ok(names.hasCgiEquivalent(name), name)
  for (const name of [
    'XForwardedFor',
    'X__Forwarded_For',
    '_X_Forwarded_For',
    'X_Forwarded_For_',
    'X_Forwarded_Far',
    'Y_Forwarded_For',
    'T_',
    '_E',
    'Content_Lengths',
    'Forwarded_For',
    ''
  ])
    t.notOk(names.hasCgiEquivalent(name), name)
  t.notOk(names.has('x_forwarded_for'))
})

t.test('an empty set has no name', async (t) => {
  const none = new FieldNames([])
  for (const name of ['', 'a', 'connection']) t.notOk(none.has(name))
})

t.test('a name of any length is rejected', async (t) => {
  const listed = Array.from({ length: 63 }, (_, i) => 'q'.repeat(i + 1))
  const names = new FieldNames(listed)
  for (const name of listed) t.ok(names.has(name.toUpperCase()))
  t.notOk(names.has('q'.repeat(64)))
})

t.test('options of Connection', async (t) => {
  t.same(connectionOptions('Keep-Alive'), ['keep-alive'])
  t.same(connectionOptions(''), [])
  t.same(connectionOptions('X-Hop'), ['x-hop'])
  t.same(connectionOptions(' X-A ,close,\tx-b,, Keep-Alive ,X-A'), [
    'x-a',
    'close',
    'x-b',
    'keep-alive',
    'x-a'
  ])
})

// Request target

t.test('the balancer’s own targets are those under its prefix, byte for byte', async (t) => {
  for (const target of ['/__lb/', '/__lb/stats', '/__lb/stats?pretty', '/__lb/../x', '/__lb/%zz'])
    t.ok(isAdminTarget(target), target)
  for (const target of [
    '/',
    '/__lb',
    '/__lb?x',
    '/__LB/stats',
    '/%5f%5flb/stats',
    '/./__lb/stats',
    '//__lb/stats',
    '/a/../__lb/stats',
    '/__lbx/stats',
    '__lb/stats',
    'http://a.test/__lb/stats',
    '*'
  ])
    t.notOk(isAdminTarget(target), target)
})

const pathOf = (target: string, method = 'GET') => destinationOf(method, target)?.path

t.test('a target in origin form stays as it is', async (t) => {
  for (const target of ['/', '//', '//x', '/a/./b/../c', '/%zz', '/?', '/http://a.test/', '/\xe9', '/a;b=c'])
    t.same(destinationOf('GET', target), { path: target, authority: undefined })
})

t.test('absolute form loses scheme and authority, and nothing else', async (t) => {
  for (const [target, path, authority] of [
    ['http://a.test/', '/', 'a.test'],
    ['http://a.test', '/', 'a.test'],
    ['http://a.test:8080/a/./b?c=d', '/a/./b?c=d', 'a.test:8080'],
    ['HTTPS://A.test/a', '/a', 'A.test'],
    ['http://a.test?q', '/?q', 'a.test'],
    ['http://[::1]:80//x', '//x', '[::1]:80'],
    ['http://a.test/%zz?http://b.test/', '/%zz?http://b.test/', 'a.test']
  ] as const)
    t.same(destinationOf('GET', target), { path, authority })
})

t.test('the server as a whole is a target of OPTIONS alone', async (t) => {
  t.equal(pathOf('*', 'OPTIONS'), '*')
  t.equal(pathOf('http://a.test', 'OPTIONS'), '*')
  t.equal(pathOf('http://a.test/', 'OPTIONS'), '/')
  t.equal(pathOf('http://a.test?q', 'OPTIONS'), '/?q')
  t.equal(pathOf('*'), undefined)
  t.equal(pathOf('*x', 'OPTIONS'), undefined)
})

t.test('a target of another form has no destination', async (t) => {
  const none = ['', 'a/b', 'a.test:443', 'ftp://a.test/x', 'http:///x', 'http://', 'http://me@a.test/']
  const withFragment = ['/a#b', '/#', 'http://a.test#f', '/a?b#c', 'http://a.test/?#']
  for (const target of [...none, 'http://me:pw@a.test', 'http://a\\b/', ...withFragment])
    t.equal(pathOf(target), undefined, target)
})

// Calls of gRPC

t.test('a message is encoded as gRPC specifies, and decoded again', async (t) => {
  for (const [text, message] of [
    ['No backend is available', 'No backend is available'],
    ['100 % "sure"\r\n', '100 %25 "sure"%0D%0A'],
    ['zu groß, 太大, 🙂', 'zu gro%C3%9F, %E5%A4%AA%E5%A4%A7, %F0%9F%99%82'],
    ['~ \x7f\0', '~ %7F%00']
  ] as const) {
    t.equal(encodeMessage(text), message)
    t.equal(decodeMessage(message), text)
  }
  t.equal(decodeMessage('50 % or %zz, %4'), '50 % or %zz, %4')
})

t.test('a timeout is parsed as gRPC specifies: at most eight digits, and a unit', async (t) => {
  const read = (text: string | undefined) =>
    timeoutOf({ headers: { 'grpc-timeout': text } } as unknown as IncomingMessage)
  for (const [text, timeoutMs] of [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['250m', 250],
    ['1500u', 1.5],
    ['99999999n', 99.999999],
    ['99999999H', 99_999_999 * 3_600_000],
    ['0m', 0],
    ['00000001S', 1000]
  ] as const) {
    t.equal(read(text), timeoutMs, text)
  }
  for (const text of [
    '',
    '1',
    'm',
    '-1S',
    '+1S',
    '1.5S',
    '1 S',
    ' 1S',
    '1s',
    '1h',
    '1ms',
    '123456789m',
    '1S, 2S'
  ])
    t.equal(read(text), undefined, `"${text}"`)
  t.equal(read(undefined), undefined)
})

t.test('a response is gRPC by its content type', async (t) => {
  for (const [line, isGrpc] of [
    ['content-type: application/grpc', true],
    ['Content-Type:application/grpc+proto', true],
    ['content-type: application/grpc;x=y', true],
    ['content-type: application/grpc-web', false],
    ['content-type: text/plain', false],
    ['x-content-type: application/grpc', false]
  ] as const) {
    t.equal(isGrpcHead(`HTTP/1.1 200 OK\r\na: b\r\n${line}\r\nc: d\r\n`), isGrpc, line)
  }
})

t.test('every failure has a status of gRPC that says what it means', async (t) => {
  const found = Object.entries(failures).flatMap(([name, value]) =>
    typeof value === 'object' ? [[name, statusName(grpcStatusOf(value))]] : []
  )
  t.same(Object.fromEntries(found), {
    NO_BACKEND: 'UNAVAILABLE',
    NO_ROUTE: 'UNIMPLEMENTED',
    OVERLOADED: 'UNAVAILABLE',
    QUEUE_FULL: 'UNAVAILABLE',
    QUEUE_TIMEOUT: 'UNAVAILABLE',
    CONNECT_TIMEOUT: 'UNAVAILABLE',
    DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
    BAD_RESPONSE: 'INTERNAL',
    RESPONSE_HEAD_TOO_LARGE: 'RESOURCE_EXHAUSTED',
    AMBIGUOUS_PATH: 'INTERNAL',
    BAD_REQUEST: 'INTERNAL',
    EXPECTATION_FAILED: 'INTERNAL',
    BODY_TOO_LARGE: 'RESOURCE_EXHAUSTED',
    TARGET_TOO_LONG: 'RESOURCE_EXHAUSTED',
    TOO_MANY_FIELDS: 'RESOURCE_EXHAUSTED',
    HEAD_TOO_LARGE: 'RESOURCE_EXHAUSTED',
    BODY_TIMEOUT: 'DEADLINE_EXCEEDED',
    DENIED: 'PERMISSION_DENIED',
    RATE_LIMITED: 'RESOURCE_EXHAUSTED',
    LOOP: 'INTERNAL',
    UNKNOWN_METHOD: 'UNIMPLEMENTED',
    METHOD_OF_HTTP2: 'UNIMPLEMENTED',
    NO_TRACE: 'UNIMPLEMENTED',
    BAD_VERSION: 'UNIMPLEMENTED'
  })
  const ofRoute = { statusCode: 404, code: 'LB_NO_ROUTE', error: 'Not Found', message: '' }
  t.equal(statusName(grpcStatusOf(ofRoute)), 'UNIMPLEMENTED')
  t.equal(statusName(99), '99')
})
