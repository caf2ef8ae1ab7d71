import { MessageChannel } from 'node:worker_threads'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Test } from 'tap'
import { type BalancerParts, registerBalancer } from '../../app/balancer.js'
import { serverOptions } from '../../app/options.js'
import { CellDirectory } from '../../lib/base/cells/directory.js'
import { SharedCells } from '../../lib/base/cells/shared-cells.js'
import { type Config, loadWithVariables } from '../../lib/config/load.js'
import { backendsOf } from '../../lib/threads/announce-backends.js'
import { ThreadClient } from '../../lib/threads/connections.js'
import { Followed } from '../../lib/threads/followed.js'
import type { FollowedState } from '../../lib/threads/messages.js'
import { OwnerLink } from '../../lib/threads/owner-link.js'
import { atEnd, eventually, test } from '../support/test.js'

const COUNT = 2

/** A configuration of pools with these names, of which the first takes everything. */
function given(...names: string[]) {
  const pools = Object.fromEntries(names.map((name) => [name, { backends: ['127.0.0.1:1'] }]))
  const text = JSON.stringify({ 'no-health-check': true, pools, routes: [{ pool: names[0] }] })
  return loadWithVariables({ LB_CONFIG: 'lb.yaml' }, text)
}

async function balancer(t: Test, config: Config, parts: Omit<BalancerParts, 'ownsProcess'>) {
  const fastify = Fastify({ ...serverOptions(config), logger: false } as object) as FastifyInstance
  let inner!: FastifyInstance
  const register = async (instance: FastifyInstance) => {
    inner = instance
    await registerBalancer(instance, config, { ownsProcess: false, ...parts })
  }
  await fastify.register(fp(register, { encapsulate: true }))
  atEnd(t, () => fastify.close())
  await fastify.ready()
  return inner
}

test('a thread that follows keeps nothing of pools that have left', async (t) => {
  const start = given('a', 'b')
  const directory = new CellDirectory()
  const owner = await balancer(t, start.config, {
    cells: new SharedCells({ count: COUNT, own: 0 }, directory),
    tell: () => {}
  })
  const state = (): FollowedState => ({
    given: start.given,
    pools: owner.routedPools!.running.map(({ given: { name }, instance }) => ({
      name,
      cells: instance.cells.name,
      backends: backendsOf(instance.registry)
    })),
    routes: new Map(owner.router!.routes.map(({ name, counts }) => [name, counts.place]))
  })
  const copy = new CellDirectory(directory.all)
  directory.onChange = (change) => copy.follow(change)
  const { port1, port2 } = new MessageChannel()
  atEnd(t, () => port2.close())
  const link = new OwnerLink(port1)
  const threads = { count: COUNT, own: 1 }
  const followed = new Followed(link, threads, state())
  const follower = await balancer(t, start.config, {
    cells: new SharedCells(threads, copy),
    followed,
    owner: new ThreadClient(port1)
  })
  for (const names of [['b', 'c'], ['c'], ['a', 'b']]) {
    const { routing } = given(...names).config
    await owner.routedPools!.apply(routing!)
    followed.replace(state())
    await follower.routedPools!.apply(routing!)
  }
  for (const { poolSet } of [owner, follower]) await eventually(() => poolSet.counted.length === 2)
  const named = [...copy.all.keys()].map((name) => name.split('/')[0]!)
  t.equal(new Set(named.filter((name) => name.startsWith('pool-'))).size, 2, 'nor of their cells')
})
