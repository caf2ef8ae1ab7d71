import t from 'tap'
import { isPrefix, Prefix } from '../../../lib/routing/prefix.js'

const cut = (target: string, replacement = '') => new Prefix('/api', replacement).rewrite(target)

t.test('a prefix is cut, and what is left keeps its encoding and begins with one slash', async (t) => {
  const cases: Record<string, string> = {
    '/api': '/',
    '/api/': '/',
    '/api?x=/api': '/?x=/api',
    '/api/a%2Fb%20%7Ec?d=%2e%2e/': '/a%2Fb%20%7Ec?d=%2e%2e/',
    '/api//x': '/x',
    '/api/a//b': '/a//b',
    '/api/a/../b': '/b',
    '/api/./b/.': '/b/',
    '/api/a/%2E%2e/b': '/b',
    '/api/a;v=1/b': '/a;v=1/b',
    '/api/a%5Cb': '/a%5Cb',
    '/api/%zz': '/%zz',
    '/%61pi/x': '/x',
    '/%61p%69': '/',
    'http://a.example/api/x?q': 'http://a.example/x?q',
    'http://a.example/api': 'http://a.example/'
  }
  for (const [target, left] of Object.entries(cases)) {
    t.equal(cut(target), left, target)
    const at = left.startsWith('http') ? 'http://a.example' : ''
    t.equal(cut(target, '/v2'), `${at}/v2${left.slice(at.length)}`, target)
  }
})

t.test('what some reading leads out of the prefix, at any point of it, is none of its', async (t) => {
  const rest = [
    '..',
    '%2e%2e/x',
    '.%2E/x',
    '../api/x',
    '..%2Fx',
    '..%252fx',
    '..%5cx',
    '..\\x',
    '..;/x',
    '..;x/y'
  ]
  const deeper = [
    'a/..%2f..%2fx',
    '/../x',
    'a//../../x',
    'a/./../../x',
    'a;/;/../../x',
    'a/%2e/..%2f../x',
    'a%2f../../x'
  ]
  for (const path of [...rest, ...deeper, 'a\\..\\..\\x', '..%255c..%255cx', '%252e%252e/x'])
    t.equal(cut(`/api/${path}`), undefined, path)
  for (const path of [
    '/',
    '/apix',
    '//api/x',
    '/x/../api/x',
    '/api;v/x',
    '/api%2Fx',
    '/%61pi/a/../b',
    '/API/x'
  ])
    t.equal(cut(path), undefined, path)
})

t.test('where the router does not tell capitals from small letters, neither is the prefix', async (t) => {
  const prefix = new Prefix('/Api', '', true)
  t.equal(prefix.rewrite('/aPI/X'), '/X')
  t.equal(prefix.rewrite('/api/x/../Y'), '/Y')
})

t.test('without a prefix nothing is touched, unless something is to stand before it', async (t) => {
  const raw = '//a/../%2e%2e/;x\\y?z'
  t.equal(new Prefix('', '').rewrite(raw), raw)
  t.equal(new Prefix('', '/v2').rewrite('/a?b'), '/v2/a?b')
  t.equal(new Prefix('', '/v2').rewrite('/..%2Fa'), undefined)
})

t.test('a prefix is of segments that mean themselves', async (t) => {
  for (const text of ['/api', '/a/b-c_~.d', '/@v1']) t.ok(isPrefix(text), text)
  for (const text of [
    '',
    '/',
    'api',
    '/a/',
    '/a//b',
    '/:x',
    '/a*',
    '/a b',
    '/a%20',
    '/..',
    '/a/.',
    '/a?b',
    '/a;b',
    '/a\\b'
  ])
    t.notOk(isPrefix(text), text)
})
