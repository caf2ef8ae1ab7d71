import { ConfigError, loadConfig } from '../../lib/config/load.js'

/** What loading says is wrong, a line a fault. */
export function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}
