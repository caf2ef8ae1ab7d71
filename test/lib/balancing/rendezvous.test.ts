import t from 'tap'
import type { Policy } from '../../../lib/balancing/policy.js'
import { hashText, rendezvousPolicy } from '../../../lib/balancing/rendezvous.js'
import { roundRobinPolicy } from '../../../lib/balancing/round-robin.js'
import type { Backend } from '../../../lib/pool/backend.js'
import { BackendCell } from '../../../lib/pool/counters.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { registryOf } from '../../support/registry.js'
import { requestWith } from '../../support/selection.js'

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

t.test('when a backend goes only its keys move, to all others, and they return with it', async (t) => {
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

t.test('a backend that is tried, or full, gives its keys to the same ones', async (t) => {
  const registry = registryOf('a:80 b:80;max=1 c:80')
  const [, b] = registry.backends
  const tried = places(registry, byUrl(), [b!])
  b!.counters.set(BackendCell.active, 1)
  t.same(places(registry), tried)
})

t.test('another backend takes keys of all, and no others move', async (t) => {
  const before = places(registryOf('a:80 b:80 c:80'))
  const after = places(registryOf('a:80 b:80 c:80 d:80'))
  const taken = after.filter((place) => place === 'd:80')
  t.ok(near(taken.length, 2500))
  t.ok(after.every((place, i) => place === 'd:80' || place === before[i]))
})

t.test('more weight only draws keys', async (t) => {
  const registry = registryOf('a:80 b:80 c:80')
  const before = places(registry)
  registry.backends[0]!.counters.set(BackendCell.effectiveWeight, 150)
  const after = places(registry)
  t.not(shares(after, registry)[0], shares(before, registry)[0])
  t.ok(after.every((place, i) => place === 'a:80' || place === before[i]))
})

t.test('the order of the configuration says nothing, nor how busy they are', async (t) => {
  const other = registryOf('c:80 a:80 b:80')
  other.backends[1]!.counters.set(BackendCell.active, 500)
  t.same(places(registryOf('a:80 b:80 c:80')), places(other))
})

t.test('requests without a key go by another policy', async (t) => {
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
