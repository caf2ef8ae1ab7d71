import { ConfigError, loadConfig } from '../../lib/config/load.js'

/** The faults that are thrown; none if nothing is. */
export function faultsBy(
  run: () => unknown,
  Thrown: new (...args: never[]) => { readonly faults: readonly string[] }
): readonly string[] {
  try {
    run()
    return []
  } catch (error) {
    if (error instanceof Thrown) return error.faults
    throw error
  }
}

/** What loading says is wrong, a line a fault. */
export const faultsOf = (env: Record<string, string>) => faultsBy(() => loadConfig(env), ConfigError)
