import { type Config, type LoadedConfig, loadWithVariables } from '../lib/config/load.js'

let read: LoadedConfig | undefined

/**
 * What this process starts with, from the environment. Read once, as several ask before it serves.
 * @throws {ConfigError} naming every variable that is wrong or unknown
 */
export function loadedAtStart(): LoadedConfig {
  read ??= loadWithVariables(process.env)
  return read
}

/** The configuration of that. */
export const startConfig = (): Config => loadedAtStart().config
