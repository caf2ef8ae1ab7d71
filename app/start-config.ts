import { type Config, loadConfig } from '../lib/config/load.js'

let read: Config | undefined

/**
 * The configuration that this process starts with, from the environment. Read once, as several ask before it serves.
 * @throws {ConfigError} naming every variable that is wrong or unknown
 */
export function startConfig(): Config {
  read ??= loadConfig(process.env)
  return read
}
