import { createHash, createHmac } from 'node:crypto'
import { BlockList } from 'node:net'
import t from 'tap'
import { cookiesOf } from '../../../lib/balancing/cookie.js'
import { keyReader } from '../../../lib/balancing/hash-key.js'
import type { Policy } from '../../../lib/balancing/policy.js'
import { hashText, rendezvousPolicy } from '../../../lib/balancing/rendezvous.js'
import { roundRobinPolicy } from '../../../lib/balancing/round-robin.js'
import { Selector } from '../../../lib/balancing/selector.js'
import { Sessions, stickyPolicy } from '../../../lib/balancing/sticky.js'
import type { Backend } from '../../../lib/pool/backend.js'
import { BackendCell } from '../../../lib/pool/cells.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { madeUp } from '../../support/message.js'
import { registryOf } from '../../support/registry.js'
import { NOBODY, requestWith, STICKY } from '../../support/selection.js'

// Keys of hashing

t.test('address: of the client, past trusted proxies', async (t) => {
  const trusted = new BlockList()
  trusted.addAddress('192.0.2.1')
  const headers = { 'x-forwarded-for': '198.51.100.7' }
  t.equal(keyReader({ from: 'address', name: '' }, NOBODY)(requestWith(headers)), '192.0.2.1')
  t.equal(keyReader({ from: 'address', name: '' }, trusted)(requestWith(headers)), '198.51.100.7')
})

t.test('target: as the client sent it', async (t) => {
  const read = keyReader({ from: 'target', name: '' }, NOBODY)
  t.equal(read(requestWith({}, { url: '/a?b=c' })), '/a?b=c')
  t.equal(read(requestWith({}, { url: '/', originalUrl: '/a?b=c' })), '/a?b=c', 'not the path of the route')
})

t.test('header: one of that name', async (t) => {
  const read = keyReader({ from: 'header', name: 'x-user' }, NOBODY)
  t.equal(read(requestWith({ 'x-user': '7' })), '7')
  t.equal(read(requestWith({ 'x-user': '' })), '')
  t.equal(read(requestWith({ 'x-users': '7' })), undefined)
  t.equal(
    keyReader({ from: 'header', name: 'set-cookie' }, NOBODY)(requestWith({ 'set-cookie': ['a', 'b'] })),
    'a, b'
  )
  const ofObjects = keyReader({ from: 'header', name: 'constructor' }, NOBODY)
  t.equal(ofObjects(requestWith({})), undefined)
})

t.test('header: of several of that name each counts, as Node joins them', async (t) => {
  const read = keyReader({ from: 'header', name: 'x-user' }, NOBODY)
  t.equal(read(madeUp('GET / HTTP/1.1', 'X-User: 7', 'A: b', 'x-user: 8')), '7, 8')
})

t.test('cookie: one of that name', async (t) => {
  const read = keyReader({ from: 'cookie', name: 'sid' }, NOBODY)
  t.equal(read(requestWith({ cookie: 'a=b; sid=7' })), '7')
  t.equal(read(requestWith({ cookie: 'sid=; sid=7; sid=8' })), '7', 'the first that says something')
  t.equal(read(requestWith({ cookie: 'sid=; sid=' })), undefined)
  t.equal(read(requestWith({ cookie: 'SID=7' })), undefined)
  t.equal(read(requestWith()), undefined)
})

// Rendezvous hashing

const KEYS = Array.from({ length: 10_000 }, (_, i) => `user-${i}`)
const byUrl = (fallback: Policy = { choose: () => undefined }) => rendezvousPolicy(({ url }) => url, fallback)

/** The backend of each key. */
function places({ backends }: Registry, policy = byUrl(), tried?: readonly Backend[]): string[] {
  return KEYS.map((url) => policy.choose(backends, requestWith({}, { url }), tried)!.address)
}

const shares = (addresses: readonly string[], { backends }: Registry) =>
  backends.map(({ address }) => addresses.filter((other) => other === address).length)

const near = (count: number, wanted: number) => Math.abs(count - wanted) < wanted / 10

t.test('keys are spread evenly', async (t) => {
  for (const text of [
    '10.0.0.1:80 10.0.0.2:80 10.0.0.3:80 10.0.0.4:80 10.0.0.5:80',
    'a:80 b:80',
    'app:8080 app:8081'
  ]) {
    const registry = registryOf(text)
    const counts = shares(places(registry), registry)
    t.ok(
      counts.every((count) => near(count, KEYS.length / counts.length)),
      `${text}: ${counts}`
    )
  }
})

t.test('in proportion to weight', async (t) => {
  const registry = registryOf('a:80;weight=1 b:80;weight=3 c:80;weight=6')
  const counts = shares(places(registry), registry)
  t.ok(
    counts.every((count, i) => near(count, [1000, 3000, 6000][i]!)),
    `${counts}`
  )
})

t.test('when a backend is removed only its keys move, to all others, and they return with it', async (t) => {
  const registry = registryOf('a:80 b:80 c:80 d:80;weight=2')
  const policy = byUrl()
  const before = places(registry, policy)
  registry.setDraining(registry.backends[1]!, true, 'test')
  const during = places(registry, policy)
  const moved = during.filter((_, i) => before[i] === 'b:80')
  t.ok(before.every((place, i) => place === 'b:80' || place === during[i]))
  t.notOk(during.includes('b:80'))
  const [a, , c, d] = shares(moved, registry)
  const part = moved.length / 4
  t.ok(Math.abs(a! - part) < part / 5 && Math.abs(c! - part) < part / 5 && Math.abs(d! - 2 * part) < part / 5)
  registry.setDraining(registry.backends[1]!, false, 'test')
  t.same(places(registry, policy), before)
})

t.test(
  'the keys of a backend that was tried, or is at its limit, always move to the same ones',
  async (t) => {
    const registry = registryOf('a:80 b:80;max=1 c:80')
    const [, b] = registry.backends
    const tried = places(registry, byUrl(), [b!])
    b!.counters.change(BackendCell.active, 1)
    t.same(places(registry), tried)
  }
)

t.test('an added backend takes keys from all, and no others move', async (t) => {
  const before = places(registryOf('a:80 b:80 c:80'))
  const after = places(registryOf('a:80 b:80 c:80 d:80'))
  const taken = after.filter((place) => place === 'd:80')
  t.ok(near(taken.length, 2500))
  t.ok(after.every((place, i) => place === 'd:80' || place === before[i]))
})

t.test('more weight only attracts keys', async (t) => {
  const registry = registryOf('a:80 b:80 c:80')
  const before = places(registry)
  registry.backends[0]!.counters.set(BackendCell.effectiveWeight, 150)
  const after = places(registry)
  t.not(shares(after, registry)[0], shares(before, registry)[0])
  t.ok(after.every((place, i) => place === 'a:80' || place === before[i]))
})

t.test('neither the order of the configuration nor the load matters', async (t) => {
  const other = registryOf('c:80 a:80 b:80')
  other.backends[1]!.counters.change(BackendCell.active, 500)
  t.same(places(registryOf('a:80 b:80 c:80')), places(other))
})

t.test('requests without a key use the fallback policy', async (t) => {
  const { backends } = registryOf('a:80 b:80')
  const policy = rendezvousPolicy(({ url }) => url, roundRobinPolicy())
  for (const url of [undefined, '']) {
    const chosen = Array.from(
      { length: 4 },
      () => policy.choose(backends, { ...requestWith(), url } as never)!.id
    )
    t.same(chosen, [0, 1, 0, 1])
  }
  t.equal(
    policy.choose(backends, { url: '' } as never, [backends[0]!]),
    backends[1],
    'which is told what was tried'
  )
})

t.test('texts that differ in one character have nothing in common', async (t) => {
  t.equal(new Set(KEYS.map(hashText)).size, KEYS.length)
  t.equal(hashText('a'), hashText('a'))
  for (const [one, other] of [
    ['', 'a'],
    ['10.0.0.1:80', '10.0.0.2:80'],
    ['ab', 'ba'],
    ['\u00e4', '\u00e5']
  ] as const) {
    let bits = (hashText(one) ^ hashText(other)) >>> 0
    let differing = 0
    for (; bits > 0; bits >>>= 1) differing += bits & 1
    t.ok(differing > 6 && differing < 26, `${one} and ${other}: ${differing} bits`)
  }
})

// Cookies

for (const [field, values] of [
  [undefined, []],
  ['', []],
  [';', []],
  ['lb', []],
  ['=lb', []],
  ['lb=1', ['1']],
  ['lb=', ['']],
  ['lb=;a=b', ['']],
  ['lb=1;', ['1']],
  ['a=b; lb=1', ['1']],
  ['a=b;lb=1;c=d', ['1']],
  ['a=b;   lb=1  ; c=d', ['1']],
  ['a=b;\tlb=\t1\t', ['1']],
  [';;; ;lb=1', ['1']],
  ['   ', []],
  ['a=b;   ', []],
  ['lb=1; lb=2', ['1', '2']],
  ['lb=; lb=2', ['', '2']],
  ['lb=1; a=b; lb=2;lb=1', ['1', '2', '1']],
  ['lb="1 2"', ['"1 2"']],
  ['lb=a=b==', ['a=b==']],
  ['lb==', ['=']],
  ['xlb=1', []],
  ['lbx=1', []],
  ['lb-x=1; lb=2', ['2']],
  ['x-lb=1; lb=2', ['2']],
  ['LB=1', []],
  ['lb =1', []],
  ['a=lb=1', []],
  ['a= lb=1', []],
  ['a="; lb=1"', ['1"']],
  ['lb; lb=2', ['2']],
  ['l=b; b=l', []],
  ['lb', []],
  ['a=b; lb', []]
] as const) {
  t.test(`lb in ${JSON.stringify(field)}`, async (t) => t.same(cookiesOf(field, 'lb'), values))
}

t.test('names may have signs in them', async (t) => {
  t.same(cookiesOf('__host-lb=1; __Host-lb=2', '__Host-lb'), ['2'])
  t.same(cookiesOf('axb=1; a.b=2', 'a.b'), ['2'])
  t.same(cookiesOf('constructor=1', '__proto__'), [])
})

t.test('a field of any length is read once', async (t) => {
  const long = 'lb'.repeat(100_000)
  const before = process.cpuUsage()
  t.same(cookiesOf(`${'; '.repeat(100_000)}${long}; lb=1`, 'lb'), ['1'])
  t.ok(process.cpuUsage(before).user < 1_000_000)
})

// Sticky sessions

const config = STICKY

function sticky(registry: Registry, options: Partial<typeof config> = {}) {
  const sessions = new Sessions(registry.backends, { ...config, ...options })
  const selector = new Selector(registry.backends, stickyPolicy(sessions, roundRobinPolicy()))
  /** A request of a client that the backend has answered. */
  const from = (id: number, cookies = '') => {
    const [, pair] = /^Set-Cookie: ([^;]+)/.exec(
      sessions.setCookieLine(requestWith(), registry.backends[id]!, false)
    )!
    return requestWith({ cookie: cookies + pair })
  }
  return { sessions, selector, from, backends: registry.backends }
}

t.test('the line', async (t) => {
  const { sessions, backends } = sticky(registryOf('a:80 b:80'))
  const line = (isSecure: boolean, of = sessions) => of.setCookieLine(requestWith(), backends[0]!, isSecure)
  t.match(line(false), /^Set-Cookie: lb=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax\r\n$/)
  t.match(line(true), /; SameSite=Lax; Secure\r\n$/)
  const maxAge = (maxAgeMs: number) => new Sessions(backends, { ...config, maxAgeMs })
  t.match(line(false, maxAge(3_600_000)), /; SameSite=Lax; Max-Age=3600\r\n$/)
  t.match(line(true, maxAge(3_600_000)), /; Max-Age=3600; Secure\r\n$/)
  t.match(line(false, maxAge(400)), /; Max-Age=1\r\n$/, '0 would delete it')
  const all = new Sessions(backends, {
    ...{ ...config, path: '/app', domain: 'a.test', maxAgeMs: 1000 },
    ...{ sameSite: 'None', secure: 'always', isHttpOnly: false, isPartitioned: true }
  })
  t.match(
    line(false, all),
    /^Set-Cookie: lb=[\w-]{22}; Path=\/app; Domain=a.test; SameSite=None; Max-Age=1; Partitioned; Secure\r\n$/
  )
  t.notMatch(line(true, new Sessions(backends, { ...config, secure: 'never' })), 'Secure')
})

t.test('a token cannot be forged without the secret', async (t) => {
  const { sessions } = sticky(registryOf('a:80'))
  const origin = 'http://a:80'
  const signed = createHmac('sha256', '').update(origin).digest().subarray(0, 16)
  const hashed = createHash('sha256').update(origin).digest().subarray(0, 16)
  const guesses = ['a:80', origin, '0', 'constructor', '', Buffer.from(origin).toString('base64url')]
  for (const guess of [...guesses, signed.toString('base64url'), hashed.toString('base64url')])
    t.equal(sessions.backendOf(requestWith({ cookie: `lb=${guess}` })), undefined, guess)
})

t.test('a token is invalid if any character of it was changed', async (t) => {
  const { sessions, from } = sticky(registryOf('a:80 b:80'))
  const { cookie } = from(0).headers
  for (let i = 'lb='.length; i < cookie!.length; i++) {
    const other = cookie![i] === 'A' ? 'B' : 'A'
    const changed = cookie!.slice(0, i) + other + cookie!.slice(i + 1)
    if (sessions.backendOf(requestWith({ cookie: changed }))) t.fail(changed)
  }
  for (const changed of [
    `${cookie}A`,
    cookie!.slice(0, -1),
    cookie!.toUpperCase(),
    cookie!.replace('lb', 'xlb')
  ])
    t.equal(sessions.backendOf(requestWith({ cookie: changed })), undefined, changed)
})

t.test(
  'balancers with the same secret understand each other, in whatever order they list the backends',
  async (t) => {
    const one = sticky(registryOf('a:80 b:80 https://c:443'))
    const other = sticky(registryOf('https://c:443 a:80;weight=5 d:80 b:80'))
    const stranger = sticky(registryOf('a:80 b:80'), { secret: 'another one of such length' })
    for (const { id, address } of one.backends) {
      t.equal(other.sessions.backendOf(one.from(id))?.address, address)
      t.equal(stranger.sessions.backendOf(one.from(id)), undefined)
    }
  }
)

t.test(
  'a token means nothing to another pool, and is that of earlier versions in the pool of the variables',
  async (t) => {
    const { secret } = STICKY
    const tokenOf = (pool: string) => sticky(registryOf('a:80'), { pool }).from(0).headers.cookie
    const signed = (text: string) =>
      `lb=${createHmac('sha256', secret).update(text).digest().subarray(0, 16).toString('base64url')}`
    t.equal(tokenOf(''), signed('http://a:80'))
    t.equal(tokenOf('web'), signed('web\0http://a:80'))
    const { sessions } = sticky(registryOf('a:80'), { pool: 'web' })
    for (const pool of ['', 'api'])
      t.equal(sessions.backendOf(requestWith({ cookie: tokenOf(pool)! })), undefined, pool)
  }
)

t.test('without a secret each balancer has one of its own', async (t) => {
  const one = sticky(registryOf('a:80'), { secret: '' })
  const other = sticky(registryOf('a:80'), { secret: '' })
  t.equal(one.sessions.backendOf(one.from(0)), one.backends[0])
  t.equal(other.sessions.backendOf(one.from(0)), undefined)
})

t.test('a client stays, however busy its backend is, and others go by the policy', async (t) => {
  const { selector, sessions, from, backends } = sticky(registryOf('a:80 b:80'))
  backends[1]!.counters.change(BackendCell.active, 100)
  const req = from(1, 'a=b; lbx=1; ')
  for (let i = 0; i < 5; i++) t.equal(selector.select(req), backends[1])
  t.equal(sessions.setCookieLine(req, backends[1]!, false), '')
  t.same(
    [0, 1, 2].map(() => selector.select(requestWith())!.id),
    [0, 1, 0]
  )
})

t.test('a client moves when its backend is not eligible, and gets one new cookie', async (t) => {
  const registry = registryOf('a:80 b:80')
  const { selector, sessions, from, backends } = sticky(registry)
  const [a, b] = backends
  const req = from(0)
  registry.setDraining(a!, true, 'test')
  t.equal(selector.select(req), b)
  t.match(sessions.setCookieLine(req, b!, false), 'Set-Cookie')
  t.equal(sessions.setCookieLine(from(1), b!, false), '')
  t.equal(sessions.setCookieLine(req, a!, false), '', 'not by an answer that was under way')
  registry.setDraining(a!, false, 'test')
  t.equal(selector.select(req), a)
})

t.test(
  'of several cookies the first counts that is one of ours, and whose backend may be used',
  async (t) => {
    const registry = registryOf('a:80 b:80')
    const { selector, sessions, from, backends } = sticky(registry)
    const [a, b] = backends
    const pairOf = (id: number) => from(id).headers.cookie!
    const [ofA, ofB] = [pairOf(0), pairOf(1)]
    for (const [cookie, kept] of [
      [`lb=junk; ${ofB}`, b],
      [`${ofB}; lb=junk`, b],
      [`a=1; lb=x.y; b=2; ${ofB}; lb=""`, b],
      [`lb=; lb; lb=${'A'.repeat(22)}; LB=1; ${ofA}`, a],
      [`${ofA}; ${ofB}`, a],
      [`${ofB}; ${ofA}`, b],
      [`lb=junk; lb="${ofB.slice(3)}"`, b],
      [`lb=junk; lb=${ofB.slice(4)}; lb=""; lb="; lb=' '`, undefined]
    ] as const) {
      const req = requestWith({ cookie })
      t.equal(sessions.backendOf(req), kept, cookie)
      for (const backend of kept ? backends : [])
        t.equal(sessions.setCookieLine(req, backend, false), '', 'it is kept already')
      if (!kept) t.match(sessions.setCookieLine(req, a!, false), 'Set-Cookie')
    }
    registry.setDraining(a!, true, 'test')
    const both = requestWith({ cookie: `lb=junk; ${ofA}; ${ofB}` })
    for (let i = 0; i < 3; i++) t.equal(selector.select(both), b)
    t.equal(sessions.setCookieLine(both, b!, false), '')
  }
)

t.test('a client waits for its backend while that is at its limit', async (t) => {
  const { selector, from, backends } = sticky(registryOf('a:80;max=1 b:80'))
  backends[0]!.acquire()
  t.equal(selector.select(from(0)), undefined)
  t.ok(selector.canWait())
  t.equal(selector.select(requestWith()), backends[1], 'others do not')
  backends[0]!.release()
  t.equal(selector.select(from(0)), backends[0])
})

t.test('another backend is tried after its own, and the client stays', async (t) => {
  const { selector, sessions, from, backends } = sticky(registryOf('a:80 b:80'))
  const [a, b] = backends
  t.equal(selector.select(from(0), [a!]), b)
  t.equal(selector.select(from(0), [b!]), a)
  t.equal(selector.select(from(0), [a!, b!]), undefined)
  t.equal(sessions.setCookieLine(from(0), b!, false), '')
})

t.test('it chooses only among those that it is given', async (t) => {
  const { sessions, from, backends } = sticky(registryOf('a:80 b:80'))
  t.equal(stickyPolicy(sessions, roundRobinPolicy()).choose([backends[1]!], from(0)), backends[1])
})

t.test('a backup keeps its clients while no primary is eligible', async (t) => {
  const registry = registryOf('a:80 b:80 c:80;backup d:80;backup')
  const { selector, sessions, from, backends } = sticky(registry)
  const [a, b, c, d] = backends
  for (const proper of [a, b]) registry.setState(proper!, 'unhealthy', 'test')
  for (let i = 0; i < 3; i++) t.equal(selector.select(from(3)), d)
  t.equal(sessions.setCookieLine(from(3), d!, false), '')
  registry.setState(b!, 'healthy', 'test')
  t.equal(selector.select(from(3)), b)
  t.equal(sessions.backendOf(from(3)), undefined)
  t.match(
    sessions.setCookieLine(from(3), b!, false),
    'Set-Cookie',
    'it stays on the one that it goes back to'
  )
  t.equal(selector.select(from(1), [b!]), c, 'a backup stands in')
  t.equal(sessions.setCookieLine(from(1), c!, false), '', 'once')
})

t.test('latencies and ticks reach the policy below', async (t) => {
  const { sessions } = sticky(registryOf('a:80'))
  const onLatency = () => {}
  const tick = () => {}
  t.match(stickyPolicy(sessions, { ...roundRobinPolicy(), onLatency, tick }), { onLatency, tick })
})
