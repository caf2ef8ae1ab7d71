import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import { serverOptions } from '../app/options.js'
import { PoolSet } from '../lib/admin/pool-set.js'
import { loadConfig } from '../lib/config/load.js'
import { version } from '../package.json'
import api from '../routes/lb/api/index.js'
import leases from '../routes/lb/api/leases.js'

/** The content of `docs/openapi.json`: the API by the schemas of its routes, including those that write. */
export async function openApiDocument(): Promise<string> {
  const token = 'of nobody at all'.replaceAll(' ', '-')
  const config = loadConfig({ LB_ADMIN_TOKEN: token, LB_REGISTER_TOKEN: `${token}-either` })
  const fastify = Fastify({ ...serverOptions(config), logger: false })
  // The routes only need it to exist.
  fastify.decorate('poolSet', new PoolSet([]))
  await fastify.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Fairlead: the admin API',
        version,
        description:
          'Reads are for the addresses of LB_ADMIN_ALLOW. Writes are there only if LB_ADMIN_TOKEN is set, and need it; leases only if LB_REGISTER_TOKEN is.'
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          registration: { type: 'http', scheme: 'bearer', description: 'The token of LB_REGISTER_TOKEN' }
        }
      }
    }
  })
  await fastify.register(api, { prefix: '/__lb/api', config })
  await fastify.register(leases, {
    prefix: '/__lb/api',
    config,
    registration: config.registration!,
    balancer: fastify.server
  })
  await fastify.ready()
  const document = fastify.swagger()
  await fastify.close()
  return `${JSON.stringify(document, undefined, 2)}\n`
}
