import { fairlead as benchFairlead } from '../../bench/peers/fairlead.js'
import type { Peer } from '../../bench/peers/peer.js'

const defaultMaxConnections = 1000

/** This project at its defaults, but for the period of its checks, which is that of its peers here. */
export const fairlead: Peer = {
  ...benchFairlead,
  launch(program, { port, backends, connections }) {
    return {
      command: process.execPath,
      args: [program, '-p', String(port), '-b', ...backends],
      env: {
        LB_HEALTH_CHECK_PERIOD: '1',
        LB_HEALTH_CHECK_URL: '/health',
        LB_STATS_INTERVAL: '0',
        LB_MAX_CONNECTIONS: String(Math.max(defaultMaxConnections, 2 * connections))
      }
    }
  }
}
