import closeWithGrace from 'close-with-grace'
import Fastify, { type FastifyServerOptions } from 'fastify'
import app from '../app/index.js'
import { address, closeGraceDelay, logLevel, options, port } from '../fastify.config.js'

/** As long as fastify-cli waits for a plugin. */
const PLUGIN_TIMEOUT_MS = 10_000

/** Starts the app with its own configuration, and closes it on signals and errors: `fastify start` without options. */
export async function startPlainly(): Promise<void> {
  const { logger, ...server } = options as FastifyServerOptions
  const fastify = Fastify({
    ...server,
    pluginTimeout: PLUGIN_TIMEOUT_MS,
    logger: { level: logLevel, ...(typeof logger === 'object' ? logger : {}) }
  } as object)
  await fastify.register(app, {})
  const closing = closeWithGrace({ delay: closeGraceDelay }, async ({ err }) => {
    if (err) fastify.log.error(err)
    await fastify.close()
  })
  fastify.addHook('onClose', async () => closing.uninstall())
  await fastify.listen({ port: Number(port), host: address })
}
