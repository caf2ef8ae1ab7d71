import * as connections from '../../lib/transport/backend-connections'
import { createUndiciPool } from './pool'

// Loaded before the balancer (`node --require …/preload.js lb.js`), which then has undici's own connections to its
// backends, for measurements and for the tests. HTTP/2 and the PROXY protocol stay as they are: undici speaks the one
// only as an experiment, and the other not at all.

const { createPool } = connections

Object.assign(connections, {
  createPool(...[config, options]: Parameters<typeof createPool>) {
    return config.h2 || config.proxyProtocol ? createPool(config, options) : createUndiciPool(config, options)
  }
})
