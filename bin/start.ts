import path from 'node:path'
import { startConfig } from '../app/start-config.js'
import { readEnvFile } from './env-file.js'

const DIST = path.join(__dirname, '..')

/**
 * Starts the balancer from the environment, as `fastify start app` does.
 * @throws {ConfigError} naming every variable that is wrong or unknown
 */
export async function start(): Promise<void> {
  readEnvFile()
  // Before anything of the server is loaded.
  startConfig()
  // fastify-cli loads what watches files, detects modules and more with each of its starts: a tenth of the time of ours.
  if (hasOptionsOfCli()) await startByCli()
  else await (require('./plain-start.js') as typeof import('./plain-start.js')).startPlainly()
}

/** Whether there are variables for fastify-cli. The configuration is given to it, and a port that a flag has set is ours. */
function hasOptionsOfCli(): boolean {
  return Object.entries(process.env).some(
    ([name, value]) =>
      name.startsWith('FASTIFY_') &&
      name !== 'FASTIFY_CONFIG' &&
      !(name === 'FASTIFY_PORT' && value === process.env.PORT)
  )
}

async function startByCli(): Promise<void> {
  const { runFastify } = await import('fastify-cli/start.js')
  await runFastify(['-c', path.join(DIST, 'fastify.config.js'), path.join(DIST, 'app', 'index.js')])
}
