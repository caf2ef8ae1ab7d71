import { caddy } from './caddy'
import { fairlead, overUndici, routed, twoThreads } from './fairlead'
import { go } from './go'
import { haproxy } from './haproxy'
import { mirrors } from './mirror'
import { nginx } from './nginx'
import { nodePeer } from './node-peer'
import type { Peer } from './peer'
import { manyRoutes, nginxRoutes, oneRoute } from './routes'

/** Every proxy that is measured, in the order of the table. */
export const peers: Peer[] = [
  fairlead,
  routed,
  overUndici,
  twoThreads,
  nodePeer('reply-from', '@fastify/reply-from'),
  nodePeer('http-proxy', 'http-proxy'),
  nodePeer('splice'),
  nodePeer('bare', undefined, { workload: 'churn' }),
  oneRoute,
  manyRoutes,
  ...mirrors,
  nginx,
  nginxRoutes,
  haproxy,
  caddy,
  go
]
