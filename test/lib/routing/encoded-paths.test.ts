import { AMBIGUOUS, headers, NONE, routes } from '../../support/routing-cases.js'

routes(
  'paths are matched in their normal form',
  {
    tilde: { path: '/~user' },
    exact: { path: '=/a/b' },
    cafe: { path: '/caf%C3%A9' },
    blank: { path: '=/x%20y' },
    rest: { path: '/' }
  },
  {
    tilde: ['/~user', '/%7Euser', '/%7euser/x', '/%7e%75ser'],
    exact: ['/a/b', '/%61/b', '/%61/%62', '/a/b?%2e'],
    cafe: ['/caf%C3%A9', '/caf%c3%a9/x', '/c%61f%C3%a9', '/caf\u00c3\u00a9/x'],
    blank: ['/x%20y', '/%78%20y'],
    [AMBIGUOUS]: ['/x%2520y'],
    rest: ['/~User', '/a%20b', '/x%20y/', '/%', '/%zz', '/a/%b', '/%4', '/a/b%00']
  }
)

routes(
  'dot segments are taken away, and where that changes the route the request is refused',
  { api: { path: '/api' }, admin: { path: '/admin' }, exact: { path: '=/api/v1' }, rest: {} },
  {
    api: [
      '/api/a/../b',
      '/api/./a',
      '/api/%2e/a',
      '/api/a/%2E%2e/b',
      '/api/.',
      '/api/a/..',
      '/api/...',
      '/api/.a',
      '/api/..a'
    ],
    exact: ['/api/v1'],
    rest: ['/a/../b', '/./a', '/a/.', '/../a', '/.well-known/x', '/..a/b', '/a/b/../../c', '/...'],
    [AMBIGUOUS]: [
      '/x/../api',
      '/api/../x',
      '/api/..',
      '/api/../admin',
      '/./admin',
      '/../admin',
      '/x/%2e%2e/admin',
      '/x/.%2E/admin',
      '/%2e/api',
      '/api/x/../../admin',
      '/api/./v1',
      '/api/v1/x/..'
    ]
  }
)

routes(
  'what is decoded once or twice has to be of the same route',
  {
    api: { path: '/api' },
    admin: { path: '/admin' },
    at: { path: '/@me' },
    exact: { path: '=/api/a/b' },
    rest: {}
  },
  {
    api: [
      '/api/a%2Fc',
      '/api/a%2fc',
      '/api/x%252Fy',
      '/api/%2Fx',
      '/api/%40me',
      '/api/a%5Cc',
      '/api/a%3Bb',
      '/api/100%25',
      '/api/%2541'
    ],
    rest: ['/x%2Fy', '/x%2Fapi', '/%40you', '/x/%2541'],
    [AMBIGUOUS]: [
      '/api%2Fx',
      '/%2Fapi/x',
      '/%2fadmin',
      '/x%2F..%2Fadmin',
      '/x/..%2Fadmin',
      '/api/..%2f..%2fadmin',
      '/api/..%2fadmin',
      '/api/%252e%252e/admin',
      '/api/..%252fadmin',
      '/%2561dmin',
      '/%40me',
      '/%2540me',
      '/api/a%2Fb',
      '/api/a%5Cb',
      '/x/..%5cadmin',
      '/x/..%255cadmin',
      '/admin%3Bx',
      '/admin%253bx'
    ]
  }
)

routes(
  'slashes that are merged, parameters that are cut, backslashes and authorities as well',
  { api: { path: '/api' }, admin: { path: '/admin' }, exact: { path: '=/api/a' }, rest: {} },
  {
    api: ['/api/x//y', '/api//', '/api/x;v=1/y', '/api/x\\y', '/api/x;a=../y', '/api/x?a=//b;c\\'],
    rest: ['/x//y', '/x;v=1', '/x\\y', '/x/;y', '//', '//x', '//x/y', '/;/x'],
    [AMBIGUOUS]: [
      '//api',
      '/api//a',
      '//x/admin',
      '///admin',
      '/x//../admin',
      '/x/..//admin',
      '/admin;v=1',
      '/admin;v=1/x',
      '/;x/admin',
      '/api/..;/admin',
      '/api/..;v=1/admin',
      '/api/;/../../admin',
      '/api/..%3b/admin',
      '/api;x',
      '/api/a;x',
      '/api\\x',
      '/x\\..\\admin',
      '/api/..\\admin',
      '/x;/..;/admin',
      '/\\x/admin',
      '/\\admin',
      '/%5Cadmin',
      '/x/../%61pi%2F..%2Fadmin'
    ]
  }
)

routes(
  'a regular expression has to match every reading, or none',
  {
    me: { path: '~^/[^/]+/@me$' },
    double: { path: '~^/[^/]+//me$' },
    name: { path: '~^/n/[^/;]+$' },
    rest: {}
  },
  {
    me: ['/x/@me'],
    name: ['/n/a%20b', '/n/caf%C3%A9', '/n/a%40b'],
    rest: ['/x/y%2F@me', '/x//y'],
    [AMBIGUOUS]: ['/x/%40me', '/x%2Fy/%40me', '/x//me', '//x//me', '/n/a%2Fb', '/n/a;b', '/n//a']
  }
)

routes(
  'a route may be lenient, and takes the normal form for the only reading',
  {
    api: { path: '/api', paths: 'lenient' },
    group: { path: '=/g/a%2Fb', paths: 'lenient' },
    admin: { path: '/admin' },
    rest: {}
  },
  {
    api: ['/api/..%2Fadmin', '/api//x', '/x/../api', '/api/..;/admin', '/x/%2e%2e/api/y'],
    group: ['/g/a%2Fb', '/g/a%2fb', '/g/%61%2Fb', '/x/../g/a%2fb'],
    rest: ['/g/a/b', '/g/a%2Fb/'],
    [AMBIGUOUS]: ['/api/../admin', '/api/../x', '/x/..%2Fapi', '/g/a%252Fb', '/api%2Fx']
  }
)

routes(
  'a raw route matches what was sent as it is',
  {
    proxy: { path: '/proxy', paths: 'raw' },
    odd: { path: '=/a/../b', paths: 'raw' },
    seen: { path: '~^/%61$', paths: 'raw' },
    x: { path: '/x' },
    'proxy-x': { path: '/proxy/x' }
  },
  {
    proxy: [
      '/proxy',
      '/proxy//a/../..',
      '/proxy/https://a.example/..',
      '/proxy/../x',
      '/proxy/%2e%2e/y',
      '/proxy/./y'
    ],
    odd: ['/a/../b'],
    seen: ['/%61'],
    x: ['/x', '/x/../x/y', '/%78'],
    'proxy-x': ['/proxy/x'],
    [NONE]: ['/a', '/b', '/%70roxy', '/b/../a', '/a/%2e%2e/b'],
    [AMBIGUOUS]: ['/y/../x']
  }
)

routes(
  'conditions count in each reading',
  { get: { path: '/admin', method: 'GET' }, api: { path: '/api', headers: { a: true } }, rest: {} },
  {
    get: ['/admin'],
    rest: ['POST /x/../admin', 'POST /admin', '/api/../x', '/api//'],
    [AMBIGUOUS]: ['/x/../admin', '//admin', ['/api/../x', headers({ a: '1' })]]
  }
)

routes(
  'where no route asks for a path, none is ambiguous',
  {
    get: { method: 'GET' },
    shop: { host: 'shop.example', path: '/' },
    admin: { host: 'admin.example', path: '/x' }
  },
  {
    get: ['/a/..%2f//;\\', '//', '/%', 'GET *'],
    shop: ['POST shop.example/..;/a', 'shop.example//a\\'],
    admin: ['admin.example/x'],
    [AMBIGUOUS]: ['POST admin.example//x', 'admin.example/y/../x']
  }
)

routes(
  'the asterisk of OPTIONS is for routes that take every path',
  {
    api: { path: '/api' },
    exact: { path: '=/' },
    pattern: { path: '~.*' },
    slash: { path: '/', method: 'OPTIONS' },
    rest: {}
  },
  {
    slash: ['OPTIONS *', 'OPTIONS shop.example*'],
    rest: ['GET *'],
    pattern: ['OPTIONS /x'],
    exact: ['/']
  }
)
