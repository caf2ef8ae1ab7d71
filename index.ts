import { createLoadBalancer as create } from './app/balancer.js'
import plugin, { type FairleadOptions as Options } from './app/library.js'
import type { Pool as OnePool, PoolStatistics as Statistics } from './lib/admin/pools.js'
import type { LoadBalancerOptions as OfServer } from './lib/config/options.js'
import type { Pools as AllPools } from './plugins/pools.js'

namespace fairlead {
  export type FairleadOptions = Options
  export type LoadBalancerOptions = OfServer
  export type Pool = OnePool
  export type Pools = AllPools
  export type PoolStatistics = Statistics
}

const fairlead = Object.assign(plugin, {
  default: plugin,
  fairlead: plugin,
  createLoadBalancer: create
})

// In lines like these Node finds the names for ES modules; what counts is the assignment at the end.
exports.createLoadBalancer = create
exports.fairlead = plugin

export = fairlead
