import fp from 'fastify-plugin'
import type { RunningPool } from '../lib/admin/pool-set.js'

/** Has the orders that operators give here hold at all balancers of the fleet. */
export default fp(
  async (fastify) => {
    const { fleet, poolSet, followed } = fastify
    if (!fleet || followed) return
    const orders = fleet.shareOrders(() =>
      poolSet.all.map(({ name, members, backendList }) => ({
        name,
        overrides: members.overrides,
        order: (address, override) => backendList.order(address, override)
      }))
    )
    const heard = new WeakSet<object>()
    const listen = ({ name, backendList }: RunningPool) => {
      if (heard.has(backendList)) return
      heard.add(backendList)
      backendList.on('ordered', (address, order) => orders.give(name, address, order))
    }
    const listenToAll = () => poolSet.all.forEach(listen)
    listenToAll()
    poolSet.on('replaced', listenToAll)
  },
  { name: 'fleet-orders', dependencies: ['fleet', 'pool-set'] }
)
