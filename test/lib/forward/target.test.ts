import t from 'tap'
import { isOwnTarget, originForm } from '../../../lib/forward/target.js'

t.test('the balancer’s own targets are those under its prefix, byte for byte', async (t) => {
  for (const target of ['/__lb/', '/__lb/stats', '/__lb/stats?pretty', '/__lb/../x', '/__lb/%zz'])
    t.ok(isOwnTarget(target), target)
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
    t.notOk(isOwnTarget(target), target)
})

t.test('a target in origin form stays as it is', async (t) => {
  for (const target of [
    '/',
    '//',
    '//x',
    '/a/./b/../c',
    '/%zz',
    '/a?b#c',
    '/?',
    '/http://a.test/',
    '/\xe9',
    '/a;b=c'
  ])
    t.equal(originForm(target), target)
})

t.test('absolute form loses scheme and authority, and nothing else', async (t) => {
  for (const [target, origin] of [
    ['http://a.test/', '/'],
    ['http://a.test', '/'],
    ['http://a.test:8080/a/./b?c=d', '/a/./b?c=d'],
    ['HTTPS://A.test/a', '/a'],
    ['http://a.test?q', '/?q'],
    ['http://a.test#f', '/#f'],
    ['http://me:pw@[::1]:80//x', '//x'],
    ['http://a.test/%zz?http://b.test/', '/%zz?http://b.test/']
  ] as const)
    t.equal(originForm(target), origin)
})

t.test('other forms are left to whoever can tell', async (t) => {
  for (const target of ['*', 'a.test:443', 'ftp://a.test/x', 'a/b', '']) t.equal(originForm(target), target)
})
