import { networkInterfaces } from 'node:os'
import { loadConfig } from './lib/config/load.js'

/** Time for closing after the drain has ended one way or the other. */
const CLOSE_MARGIN_MS = 5000

const config = loadConfig(process.env)
const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ family }) => family === 'IPv6')
)

export const port = config.port
export const address = hasIPv6 ? '::' : '0.0.0.0'
export const options = true
export const logLevel = 'info'
export const closeGraceDelay = config.drainTimeoutMs + CLOSE_MARGIN_MS
