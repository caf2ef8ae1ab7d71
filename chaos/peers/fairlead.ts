import { fairlead as benchFairlead } from '../../bench/peers/fairlead.js'
import type { Peer } from '../../bench/peers/peer.js'
import { threadsAsked } from '../../bench/threads.js'

const defaultMaxConnections = 1000

/**
 * What whoever knows this service would set: by latency, 500 tried elsewhere, for as many requests as one of four
 * backends has, and patience as caddy has it here.
 */
const EXPERT = {
  LB_ALGORITHM: 'peak-ewma',
  LB_RETRY_STATUS: '500,502-504',
  LB_RETRY_BUDGET: '50',
  LB_OUTAGE_TIMEOUT: '5',
  LB_SLOW_START: '1',
  LB_HEALTH_CHECK_RISE: '1'
}

/** This project, set up to survive. */
export const fairlead = fairleadWith('fairlead', EXPERT)

/** This project at its defaults, but for the period of its checks, which is that of its peers here. */
export const fairleadAtDefaults = fairleadWith('defaults', {})

function fairleadWith(name: string, settings: Record<string, string>): Peer {
  return {
    ...benchFairlead,
    name,
    launch(program, { port, backends, connections }) {
      return {
        command: process.execPath,
        args: [program, '-p', String(port), '-b', ...backends],
        env: {
          LB_HEALTH_CHECK_PERIOD: '1',
          LB_HEALTH_CHECK_URL: '/health',
          LB_STATS_INTERVAL: '0',
          LB_MAX_CONNECTIONS: String(Math.max(defaultMaxConnections, 2 * connections)),
          ...threadsAsked(),
          ...settings
        }
      }
    }
  }
}
