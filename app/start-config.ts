import { type Config, ConfigError, type LoadedConfig, loadWithVariables } from '../lib/config/load.js'
import { predecessor } from './handover.js'

let read: LoadedConfig | undefined

/**
 * What this process starts with, from the environment. Read once, as several ask before it serves.
 * @throws {ConfigError} naming every variable that is wrong or unknown
 */
export function loadedAtStart(): LoadedConfig {
  try {
    read ??= loadWithVariables(process.env)
    return read
  } catch (error) {
    predecessor?.fail(error instanceof ConfigError ? error.faults.join('; ') : (error as Error).message)
    throw error
  }
}

/** The configuration of that. */
export const startConfig = (): Config => loadedAtStart().config
