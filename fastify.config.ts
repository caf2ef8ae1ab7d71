import './app/young-generation.js'
import { networkInterfaces } from 'node:os'
import { serverOptions } from './app/options.js'
import { startConfig } from './app/start-config.js'

/** Time for closing after the drain has ended one way or the other. */
const CLOSE_MARGIN_MS = 5000

const config = startConfig()
const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ family }) => family === 'IPv6')
)

/** A text, as fastify-cli takes the number 0 for none, and listens on a port of its own. */
export const port = `${config.port}`
export const address = hasIPv6 ? '::' : '0.0.0.0'
/** An object, as other commands than `start` hand it to Fastify; that takes it from the app, where it is the same. */
export const options = serverOptions(config)
export const logLevel = 'info'
export const closeGraceDelay = config.drainTimeoutMs + CLOSE_MARGIN_MS
