import type { IncomingMessage } from 'node:http'
import t from 'tap'
import type { Backend } from '../../../../lib/pool/backend.js'
import { EvenSequence } from '../../../../lib/routing/filters/even-sequence.js'
import { Split, type SplitPart } from '../../../../lib/routing/filters/split.js'

const part = (name: string, weight: number, sessions?: SplitPart<string>['sessions']): SplitPart<string> => ({
  name,
  weight,
  sessions,
  to: name
})
const asking = (client = '') => ({ headers: { client } }) as unknown as IncomingMessage
const clientOf = ({ headers }: IncomingMessage) => `${headers.client}`

/** How many of so many requests each pool gets. */
function sharesOf(split: Split<string>, count: number, req: (i: number) => IncomingMessage = () => asking()) {
  const shares: Record<string, number> = {}
  for (let i = 0; i < count; i++) {
    const to = split.choose(req(i))
    shares[to] = (shares[to] ?? 0) + 1
  }
  return shares
}

t.test('each pool has its share after any number of requests, wherever the sequence begins', async (t) => {
  const parts = [part('a', 95), part('b', 4), part('c', 1)]
  for (const begin of [0, 0.2, 0.5, 0.999]) {
    const split = new Split(parts, undefined, new EvenSequence(() => begin))
    const had: Record<string, number> = { a: 0, b: 0, c: 0 }
    let worst = 0
    for (let i = 1; i <= 20_000; i++) {
      had[split.choose(asking())]!++
      for (const { name, weight } of parts) worst = Math.max(worst, Math.abs(had[name]! - (i * weight) / 100))
    }
    t.ok(worst < 8, `never more than ${worst} requests away`)
  }
})

t.test('a kind of request that comes at regular intervals is shared as well', async (t) => {
  for (const every of [2, 3, 10, 20, 100]) {
    const split = new Split([part('a', 95), part('b', 5)], undefined, new EvenSequence(() => 0))
    let [kind, others] = [0, 0]
    for (let i = 0; i < 20_000 * every; i++) {
      const isShare = split.choose(asking()) === 'b'
      if (i % every !== 0) continue
      if (isShare) kind++
      else others++
    }
    t.ok(Math.abs(kind / (kind + others) - 0.05) < 0.003, `every ${every}th: ${kind} of ${kind + others}`)
  }
})

t.test('a weight of 0 gets nothing, and the last one no more than its own', async (t) => {
  for (const parts of [
    [part('a', 0), part('b', 1), part('c', 0)],
    [part('c', 0), part('b', 3)]
  ]) {
    t.same(sharesOf(new Split(parts, undefined), 1000), { b: 1000 })
    t.same(
      sharesOf(new Split(parts, clientOf), 1000, (i) => asking(`${i}`)),
      { b: 1000 }
    )
  }
})

t.test('clients stay with their pool, and have shares by weight', async (t) => {
  const clients = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.0.${i & 255}`)
  const at = (a: number, b: number) => {
    const split = new Split([part('a', a), part('b', b)], clientOf)
    return clients.map((client) => split.choose(asking(client)))
  }
  const before = at(95, 5)
  t.same(at(95, 5), before)
  const share = before.filter((to) => to === 'b').length / clients.length
  t.ok(Math.abs(share - 0.05) < 0.006, `${share}`)
  const after = at(80, 20)
  t.notOk(
    before.some((to, i) => to === 'b' && after[i] === 'a'),
    'more weight takes nobody away'
  )
  t.ok(Math.abs(after.filter((to) => to === 'b').length / clients.length - 0.2) < 0.012)
})

t.test('a session decides before the weights, and only as long as its backend is there', async (t) => {
  let isThere = true
  const sessions = {
    backendOf: ({ headers }: IncomingMessage) =>
      isThere && headers.client === 'known' ? ({} as Backend) : undefined
  }
  for (const keyOf of [undefined, () => 'the same']) {
    isThere = true
    const split = new Split([part('a', 100), part('b', 0, sessions)], keyOf)
    t.same(
      sharesOf(split, 100, () => asking('known')),
      { b: 100 }
    )
    t.same(sharesOf(split, 100), { a: 100 })
    isThere = false
    t.same(
      sharesOf(split, 100, () => asking('known')),
      { a: 100 }
    )
  }
})
