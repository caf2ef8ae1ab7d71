import t from 'tap'
import { destinationOf, isAdminTarget } from '../../../../lib/base/http/request-target.js'

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

t.test('what has no form for a backend has no destination', async (t) => {
  const none = ['', 'a/b', 'a.test:443', 'ftp://a.test/x', 'http:///x', 'http://', 'http://me@a.test/']
  const withFragment = ['/a#b', '/#', 'http://a.test#f', '/a?b#c', 'http://a.test/?#']
  for (const target of [...none, 'http://me:pw@a.test', 'http://a\\b/', ...withFragment])
    t.equal(pathOf(target), undefined, target)
})
