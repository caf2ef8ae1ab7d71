import { NONE, routes } from '../../support/routing-cases.js'

routes(
  'a prefix is of whole segments, and its last slash says nothing',
  { foo: { path: '/foo' }, bar: { path: '/bar/' }, deep: { path: '/foo/a/b' }, dotted: { path: '/v1.2' } },
  {
    foo: [
      '/foo',
      '/foo/',
      '/foo/x',
      '/foo?x',
      '/foo/?x',
      '/foo/a',
      '/foo/a/bc',
      '/foo/ab',
      '/foo/a/',
      '/foo?a=/foo/a/b'
    ],
    bar: ['/bar', '/bar/', '/bar/x/y', '/bar?'],
    deep: ['/foo/a/b', '/foo/a/b/', '/foo/a/b/c', '/foo/a/b?x'],
    dotted: ['/v1.2', '/v1.2/x'],
    [NONE]: [
      '/',
      '/foobar',
      '/fo',
      '/Foo',
      '/x/foo',
      '/bar1',
      '/?/foo',
      '/v1',
      '/v1.2.3',
      '/v1x2',
      '/foo.txt',
      '/foo:x'
    ]
  }
)

routes(
  'exact paths, then the longest prefix, then regular expressions, then every path',
  {
    every: {},
    slash: { path: '/' },
    pattern: { path: '~^/(a|b|c)/[0-9]+$' },
    'pattern-post': { path: '~/[0-9]+$', method: 'POST' },
    a: { path: '/a' },
    'a-1': { path: '/a/1' },
    'a-exact': { path: '=/a/1' },
    root: { path: '=/' },
    'b-slash': { path: '=/b/' }
  },
  {
    every: ['/c', '/c/x', '/b', '/c/1/', '/c/1x', '/d/1', 'OPTIONS *'],
    pattern: ['/b/1', '/c/22', '/b/1?x'],
    'pattern-post': ['POST /d/1', 'POST /b/1'],
    a: ['/a', '/a/', '/a/2', 'POST /a/2', '/a/11'],
    'a-1': ['/a/1/', '/a/1/2'],
    'a-exact': ['/a/1', 'POST /a/1', '/a/1?'],
    root: ['/', '/?x'],
    'b-slash': ['/b/']
  }
)

routes(
  'a regular expression matches anywhere, unless it is anchored, and sees no query',
  {
    ends: { path: '~\\.(png|jpe?g)$' },
    case: { path: '~(?i)^/mixed' },
    inner: { path: '~inner' },
    encoded: { path: '~^/x/[^/]+%20[^/]+$' }
  },
  {
    ends: ['/a.png', '/b/c.jpg', '/d.jpeg?v=1'],
    case: ['/MIXED/a', '/mixed'],
    inner: ['/an/inner/path', '/xinnerx'],
    encoded: ['/x/a%20b', '/x/a%20%20b'],
    [NONE]: ['/a.png/b', '/a?b.png', '/A.PNG', '/a/mixed', '/?inner', '/x/ab']
  }
)

routes(
  'a list of paths ranks by the one that matched, and one that fits does not hide others',
  {
    list: { path: '=/a /b/c ~^/d', method: 'GET' },
    a: { path: '/a' },
    b: { path: '/b' },
    bcd: { path: '/b/c/d' },
    d: { path: '=/d' },
    every: {}
  },
  {
    list: ['/a', '/b/c', '/b/c/x', '/dd', '/d/x'],
    a: ['POST /a', '/a/x'],
    b: ['/b', 'POST /b/c', '/b/x'],
    bcd: ['/b/c/d', 'POST /b/c/d/e'],
    d: ['/d', 'POST /d'],
    every: ['POST /dd', '/x']
  }
)
