import { createHash, createHmac } from 'node:crypto'
import t from 'tap'
import { roundRobinPolicy } from '../../../lib/balancing/round-robin.js'
import { Selector } from '../../../lib/balancing/selector.js'
import { Sessions, stickyPolicy } from '../../../lib/balancing/sticky.js'
import { BackendCell } from '../../../lib/pool/counters.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { registryOf } from '../../support/registry.js'
import { requestWith, STICKY } from '../../support/selection.js'

const config = STICKY

function sticky(registry: Registry, options: Partial<typeof config> = {}) {
  const sessions = new Sessions(registry.backends, { ...config, ...options })
  const selector = new Selector(registry.backends, stickyPolicy(sessions, roundRobinPolicy()))
  /** A request of a client that the backend has answered. */
  const from = (id: number, cookies = '') => {
    const [, pair] = /^Set-Cookie: ([^;]+)/.exec(
      sessions.lineFor(requestWith(), registry.backends[id]!, false)
    )!
    return requestWith({ cookie: cookies + pair })
  }
  return { sessions, selector, from, backends: registry.backends }
}

t.test('the line', async (t) => {
  const { sessions, backends } = sticky(registryOf('a:80 b:80'))
  const line = (isSecure: boolean, of = sessions) => of.lineFor(requestWith(), backends[0]!, isSecure)
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

t.test('nobody can make a token without the secret', async (t) => {
  const { sessions } = sticky(registryOf('a:80'))
  const origin = 'http://a:80'
  const signed = createHmac('sha256', '').update(origin).digest().subarray(0, 16)
  const hashed = createHash('sha256').update(origin).digest().subarray(0, 16)
  const guesses = ['a:80', origin, '0', 'constructor', '', Buffer.from(origin).toString('base64url')]
  for (const guess of [...guesses, signed.toString('base64url'), hashed.toString('base64url')])
    t.equal(sessions.backendOf(requestWith({ cookie: `lb=${guess}` })), undefined, guess)
})

t.test('a token that was changed in any character is none', async (t) => {
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

t.test('without a secret each has one of its own', async (t) => {
  const one = sticky(registryOf('a:80'), { secret: '' })
  const other = sticky(registryOf('a:80'), { secret: '' })
  t.equal(one.sessions.backendOf(one.from(0)), one.backends[0])
  t.equal(other.sessions.backendOf(one.from(0)), undefined)
})

t.test('a client stays, however busy its backend is, and others go by the policy', async (t) => {
  const { selector, sessions, from, backends } = sticky(registryOf('a:80 b:80'))
  backends[1]!.counters.set(BackendCell.active, 100)
  const req = from(1, 'a=b; lbx=1; ')
  for (let i = 0; i < 5; i++) t.equal(selector.select(req), backends[1])
  t.equal(sessions.lineFor(req, backends[1]!, false), '')
  t.same(
    [0, 1, 2].map(() => selector.select(requestWith())!.id),
    [0, 1, 0]
  )
})

t.test('a client moves when its backend is not eligible, and is told so once', async (t) => {
  const registry = registryOf('a:80 b:80')
  const { selector, sessions, from, backends } = sticky(registry)
  const [a, b] = backends
  const req = from(0)
  registry.setDraining(a!, true, 'test')
  t.equal(selector.select(req), b)
  t.match(sessions.lineFor(req, b!, false), 'Set-Cookie')
  t.equal(sessions.lineFor(from(1), b!, false), '')
  t.equal(sessions.lineFor(req, a!, false), '', 'not by an answer that was under way')
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
        t.equal(sessions.lineFor(req, backend, false), '', 'it is kept already')
      if (!kept) t.match(sessions.lineFor(req, a!, false), 'Set-Cookie')
    }
    registry.setDraining(a!, true, 'test')
    const both = requestWith({ cookie: `lb=junk; ${ofA}; ${ofB}` })
    for (let i = 0; i < 3; i++) t.equal(selector.select(both), b)
    t.equal(sessions.lineFor(both, b!, false), '')
  }
)

t.test('a client waits for its backend while that is full', async (t) => {
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
  t.equal(sessions.lineFor(from(0), b!, false), '')
})

t.test('it chooses only among those that it is given', async (t) => {
  const { sessions, from, backends } = sticky(registryOf('a:80 b:80'))
  t.equal(stickyPolicy(sessions, roundRobinPolicy()).choose([backends[1]!], from(0)), backends[1])
})

t.test('a backup keeps clients while there is need of it', async (t) => {
  const registry = registryOf('a:80 b:80 c:80;backup d:80;backup')
  const { selector, sessions, from, backends } = sticky(registry)
  const [a, b, c, d] = backends
  for (const proper of [a, b]) registry.setState(proper!, 'unhealthy', 'test')
  for (let i = 0; i < 3; i++) t.equal(selector.select(from(3)), d)
  t.equal(sessions.lineFor(from(3), d!, false), '')
  registry.setState(b!, 'healthy', 'test')
  t.equal(selector.select(from(3)), b)
  t.equal(sessions.backendOf(from(3)), undefined)
  t.match(sessions.lineFor(from(3), b!, false), 'Set-Cookie', 'it stays on the one that it goes back to')
  t.equal(selector.select(from(1), [b!]), c, 'a backup stands in')
  t.equal(sessions.lineFor(from(1), c!, false), '', 'once')
})

t.test('what the policy learns goes on', async (t) => {
  const { sessions } = sticky(registryOf('a:80'))
  const onLatency = () => {}
  const tick = () => {}
  t.match(stickyPolicy(sessions, { ...roundRobinPolicy(), onLatency, tick }), { onLatency, tick })
})
