import { headers, NONE, routes } from '../../support/routing-cases.js'

routes(
  'methods tell capitals from small letters, and HEAD is not GET',
  { read: { method: 'GET' }, write: { method: 'PUT POST' }, own: { method: 'purge' } },
  {
    read: ['GET /'],
    write: ['PUT /', 'POST /x'],
    own: [['/', { method: 'purge' }]],
    [NONE]: ['HEAD /', 'PURGE /', ['/', { method: 'get' }], 'OPTIONS *']
  }
)

routes(
  'fields are equal, present or match, and of a list one has to fit',
  {
    equal: { headers: { a: 'one' } },
    list: { headers: { b: ['one', 'two'] } },
    present: { headers: { c: true } },
    cookies: { headers: { 'set-cookie': 'a=1, b=2' } },
    both: { headers: { a: 'one', b: 'three' } },
    empty: { headers: { d: '' } }
  },
  {
    equal: [
      ['/', headers({ a: 'one' })],
      ['/', headers({ a: 'one', b: 'four' })],
      ['/', headers({ a: 'one', b: 'one' })]
    ],
    list: [
      ['/', headers({ b: 'one' })],
      ['/', headers({ b: 'two', a: 'x' })]
    ],
    present: [
      ['/', headers({ c: '' })],
      ['/', headers({ c: 'x' })]
    ],
    cookies: [['/', headers({ 'set-cookie': ['a=1', 'b=2'] })]],
    both: [['/', headers({ a: 'one', b: 'three', c: 'x' })]],
    empty: [['/', headers({ d: '' })]],
    [NONE]: [
      '/',
      ['/', headers({ a: 'One' })],
      ['/', headers({ a: 'one, one' })],
      ['/', headers({ a: 'one ' })],
      ['/', headers({ b: 'three' })],
      ['/', headers({ d: 'x' })],
      ['/?a=one', headers({})]
    ]
  }
)

routes(
  'fields may be named like what every object has, and are read as UTF-8',
  {
    named: { headers: { constructor: true } as never },
    method: { headers: { valueof: 'x', tostring: true } },
    text: { headers: { a: 'é' } }
  },
  {
    named: [['/', headers({ constructor: 'x' } as never)]],
    method: [['/', headers({ valueof: 'x', tostring: 'y' })]],
    text: [['/', headers({ a: '\xc3\xa9' })]],
    [NONE]: ['/', ['/', headers({ a: '\xe9' })], ['/', headers({ a: '\xc3' })]]
  }
)

routes(
  'parameters are decoded as browsers do it, the first of a name counts',
  {
    equal: { query: { a: 'one' } },
    blank: { query: { b: 'x y' } },
    present: { query: { c: true } },
    unicode: { query: { ä: 'ö' } },
    both: { query: { a: 'one', d: ['1', '2'] } },
    percent: { query: { p: '100%' } }
  },
  {
    equal: ['/?a=one', '/x?b=2&a=one', '/?a=one&a=two', '/?%61=%6Fne', '/?&&a=one', '/?a=one&d=3'],
    blank: ['/?b=x+y', '/?b=x%20y'],
    present: ['/?c', '/?c=', '/?c=1&c=2', '/?x&c'],
    unicode: ['/?%C3%A4=%c3%b6'],
    both: ['/?a=one&d=1', '/?d=2&a=one', '/?a=one&d=2&d=3'],
    percent: ['/?p=100%', '/?p=100%25'],
    [NONE]: [
      '/',
      '/?',
      '/?a',
      '/?a=',
      '/?A=one',
      '/?a=two&a=one',
      '/?b=x%2By',
      '/?xa=one',
      '/?a=onex',
      '/?q=a=one',
      '/a=one',
      '/?d=1'
    ]
  }
)

routes(
  'clients, ports and TLS names',
  {
    office: { client: '10.0.0.0/8 192.0.2.5' },
    admin: { port: '8443 9443' },
    name: { tls: 'secret.example' },
    names: { tls: '*.secret.example' },
    'name-port': { tls: 'secret.example', port: '8443' },
    'name-office': { tls: 'secret.example', client: '10.0.0.0/8', port: '9443' }
  },
  {
    office: [
      ['/', { clientAddress: '10.9.8.7' }],
      ['/', { clientAddress: '192.0.2.5' }],
      ['/', { clientAddress: '10.0.0.1', localPort: 8443 }],
      ['/', { clientAddress: '10.0.0.1', tlsName: 'secret.example' }]
    ],
    admin: [
      ['/', { localPort: 8443 }],
      ['/', { localPort: 9443, tlsName: 'secret.example' }]
    ],
    name: [
      ['/', { tlsName: 'secret.example' }],
      ['other.example/', { tlsName: 'SECRET.example' }]
    ],
    names: [['/', { tlsName: 'a.secret.example' }]],
    'name-port': [['/', { localPort: 8443, tlsName: 'secret.example' }]],
    'name-office': [['/', { clientAddress: '10.0.0.1', localPort: 9443, tlsName: 'secret.example' }]],
    [NONE]: [
      '/',
      'secret.example/',
      ['/', { clientAddress: '11.0.0.1' }],
      ['/', { clientAddress: '2001:db8::1' }]
    ]
  }
)

routes(
  'each criterion decides before the next, whatever stands first',
  {
    order: { path: '/a', headers: { x: true } },
    'order-2': { path: '/a', headers: { x: true } },
    host: { host: 'h.example' },
    path: { path: '/a/b' },
    method: { path: '/a', method: 'GET' },
    headers: { path: '/a', headers: { x: true, y: true } },
    'headers-method': { path: '/a', headers: { x: true, y: true, z: true }, method: 'PUT' },
    query: { path: '/a', headers: { x: true, y: true }, query: { q: true } },
    'query-2': { path: '/a', headers: { x: true, y: true }, query: { q: true, r: true } },
    client: { path: '/a', headers: { x: true }, client: '10.0.0.0/8' },
    port: { path: '/a', headers: { x: true }, port: '81' },
    tls: { path: '/a', headers: { x: true }, tls: 'a.example' },
    'tls-suffix': { path: '/a', headers: { x: true }, tls: '*.example' }
  },
  {
    host: [
      ['h.example/a/b', headers({ x: '', y: '', z: '' })],
      ['PUT h.example/a', headers({ x: '', y: '', z: '' })]
    ],
    path: [
      ['/a/b?q&r', headers({ x: '', y: '', z: '' })],
      ['PUT /a/b', headers({ x: '', y: '', z: '' })]
    ],
    method: ['/a', ['/a?q&r', headers({ x: '', y: '', z: '' })]],
    'headers-method': [['PUT /a?q&r', headers({ x: '', y: '', z: '' })]],
    headers: [['POST /a', headers({ x: '', y: '' })]],
    query: [['POST /a?q', headers({ x: '', y: '' })]],
    'query-2': [['POST /a?q&r', headers({ x: '', y: '' })]],
    client: [
      ['POST /a', { ...headers({ x: '' }), clientAddress: '10.0.0.1', localPort: 81, tlsName: 'a.example' }]
    ],
    port: [['POST /a', { ...headers({ x: '' }), localPort: 81, tlsName: 'a.example' }]],
    tls: [['POST /a', { ...headers({ x: '' }), tlsName: 'a.example' }]],
    'tls-suffix': [['POST /a', { ...headers({ x: '' }), tlsName: 'b.example' }]],
    order: [['POST /a', headers({ x: '' })]],
    [NONE]: ['POST /a', 'POST /']
  }
)
