import Fastify from 'fastify'
import app from '../../app/index.js'
import { serverOptions } from '../../app/options.js'
import { loadConfig } from '../../lib/config/load.js'

/** An application with the balancer in it, which SIGTERM has close that, and which then ends by itself. */
const config = loadConfig(process.env)
const fastify = Fastify({ ...serverOptions(config), logger: true })
fastify.register(app, { config })
process.once('SIGTERM', () => void fastify.close())
fastify.listen({ host: '127.0.0.1', port: config.port })
