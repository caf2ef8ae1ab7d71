import Fastify from 'fastify'
import { loadConfig } from '../../lib/config/load.js'
import access from '../../plugins/access.js'
import backendRegistry from '../../plugins/backend-registry.js'
import { atEnd, test } from '../helper.js'

for (const [name, isLooked, env] of [
  ['nobody is looked at without these settings', false, {}],
  ['a rate limit has clients looked at', true, { LB_RATE_LIMIT: '100/s' }],
  ['so does a list of those allowed', true, { LB_ALLOW: '10.0.0.0/8' }],
  ['and one of those denied', true, { LB_DENY: '10.0.0.0/8' }],
  ['and a proxy, who may not say who it is', true, { LB_TRUSTED_PROXIES: '10.0.0.0/8' }]
] as const) {
  test(name, async (t) => {
    const config = loadConfig(env)
    const fastify = Fastify()
    atEnd(t, () => fastify.close())
    await fastify.register(backendRegistry, { config })
    await fastify.register(access, { config })
    t.equal(fastify.rejectionOf !== undefined, isLooked)
  })
}
