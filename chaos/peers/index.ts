import { nodePeer } from '../../bench/peers/node-peer.js'
import type { Peer } from '../../bench/peers/peer.js'
import { caddy } from './caddy.js'
import { fairlead, fairleadAtDefaults } from './fairlead.js'
import { haproxy } from './haproxy.js'
import { nginx } from './nginx.js'

/** Every proxy that is put to the test, in the order of the tables; reply-from runs as it comes. */
export const peers: Peer[] = [
  fairlead,
  fairleadAtDefaults,
  nginx,
  haproxy,
  caddy,
  nodePeer('reply-from', '@fastify/reply-from')
]
