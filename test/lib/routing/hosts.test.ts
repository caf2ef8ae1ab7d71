import { headers, NONE, routes } from '../../support/routing-cases.js'

routes(
  'hosts are compared without case, port and last dot',
  { shop: { host: 'shop.example' }, upper: { host: 'UPPER.example' }, label: { host: 'localhost' } },
  {
    shop: [
      'shop.example/',
      'SHOP.example/',
      'Shop.Example:8080/',
      'shop.example:/',
      'shop.example./',
      'shop.example.:443/'
    ],
    upper: ['upper.example/', 'UPPER.EXAMPLE/'],
    label: ['localhost/', 'localhost:3000/'],
    [NONE]: [
      '/',
      'shop.example../',
      'a.shop.example/',
      'shop.example.org/',
      'xshop.example/',
      'shop/',
      'localhost.example/'
    ]
  }
)

routes(
  'addresses are hosts as well, IPv6 in any spelling',
  { four: { host: '192.0.2.7' }, six: { host: '[2001:db8::1]' }, bare: { host: '2001:DB8:0::2' }, rest: {} },
  {
    four: ['192.0.2.7/', '192.0.2.7:80/'],
    six: [
      '[2001:db8::1]/',
      '[2001:db8::1]:8080/',
      '[2001:DB8::1]/',
      '[2001:db8:0:0:0:0:0:1]/',
      '[2001:0db8::0001]:1/'
    ],
    bare: ['[2001:db8::2]/', '[2001:db8:0::0:2]:80/'],
    rest: ['192.0.2.70/', '[2001:db8::3]/', '[::1/', '[zz]/', '[/', '2001:db8::1/']
  }
)

routes(
  'a suffix stands for one label or more, the longest first, behind the exact host',
  {
    two: { host: '*.shop.example' },
    one: { host: '*.example' },
    exact: { host: 'a.shop.example' },
    other: { host: '*.test' },
    rest: {}
  },
  {
    two: ['b.shop.example/', 'a.b.shop.example/', 'a.a.shop.example:1/', 'B.SHOP.example./'],
    one: ['shop.example/', 'x.example/', 'a.shopx.example/', 'x.y.z.example/'],
    exact: ['a.shop.example/', 'A.shop.example:80/'],
    other: ['a.test/'],
    rest: ['example/', '.example/', 'test/', 'xexample/', '/', 'shop.example.org/', '.test/']
  }
)

routes(
  'where no route of a host fits, the next less specific condition on it is asked',
  {
    any: {},
    'any-a': { path: '/a/b/c' },
    suffix: { host: '*.example', path: '/b' },
    'suffix-post': { host: '*.example', method: 'POST' },
    exact: { host: 'shop.example', path: '/c' },
    'exact-x': { host: 'shop.example', headers: { x: '1' } }
  },
  {
    exact: ['shop.example/c', 'POST shop.example/c/d'],
    suffix: ['shop.example/b', 'POST shop.example/b', 'a.example/b'],
    'suffix-post': ['POST shop.example/', 'POST shop.example/a/b/c', 'POST a.example/'],
    'exact-x': [
      ['shop.example/', headers({ x: '1' })],
      ['shop.example/b', headers({ x: '1' })],
      ['POST shop.example/a/b/c', headers({ x: '1' })]
    ],
    any: ['shop.example/', 'a.example/c', 'other.test/b', '/', ['a.example/', headers({ x: '1' })]],
    'any-a': ['shop.example/a/b/c', 'a.example/a/b/c', '/a/b/c/d']
  }
)

routes(
  'a list of hosts ranks by the one that matched',
  {
    list: { host: '*.example b.example' },
    b: { host: '*.b.example b.example' },
    both: { host: 'b.test *.test' }
  },
  {
    list: ['a.example/', 'b.example/'],
    b: ['a.b.example/'],
    both: ['b.test/', 'c.test/', 'a.b.test/'],
    [NONE]: ['example/', 'test/']
  }
)

routes('without routes nothing is found', {}, { [NONE]: ['/', 'shop.example/a//b', 'OPTIONS *'] })
