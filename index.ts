import plugin, { type FairleadOptions as Options } from './app/library.js'
import { createLoadBalancer as create, type LoadBalancer as Server } from './app/load-balancer.js'
import type { PoolChange as Change } from './app/routed-pools.js'
import type { ServerPools as OfWholeServer } from './app/server-pools.js'
import type { Pool as OnePool, PoolStatistics as Statistics } from './lib/admin/pools.js'
import type {
  RouteSettings as GivenRoute,
  LoadBalancerOptions as OfServer,
  PoolSettings as OnePoolOfMany,
  RoutingOptions as Routing
} from './lib/config/options.js'
import type { Statistics as OfAll } from './lib/observe/statistics.js'
import type { Pools as AllPools } from './plugins/pools.js'

namespace fairlead {
  export type FairleadOptions = Options
  export type LoadBalancer = Server
  export type LoadBalancerOptions = OfServer
  export type RoutingOptions = Routing
  export type PoolSettings = OnePoolOfMany
  export type RouteSettings = GivenRoute
  export type ServerPools = OfWholeServer
  export type ServerStatistics = OfAll
  export type PoolChange = Change
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
