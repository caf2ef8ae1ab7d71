import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { type Config, loadConfig, readVariables } from './load.js'

type Env = Readonly<Record<string, string | undefined>>

/** Where the configuration comes from, to be read again: `.env`, the file of `LB_CONFIG`, and the variables of the start. */
export class ConfigSource {
  readonly #env: Env
  readonly #dotenv: string
  /** What `.env` said at the start: it is in the environment as if it had been set there. */
  readonly #said: Env

  /**
   * @param env with what `.env` says in it already
   * @param dotenv the path of `.env`, which need not be there
   */
  constructor(env: Env, dotenv: string) {
    this.#env = { ...env }
    this.#dotenv = dotenv
    this.#said = this.#readDotenv()
  }

  /** The files that it depends on. */
  files(config: Config): string[] {
    return config.file === '' ? [this.#dotenv] : [this.#dotenv, config.file]
  }

  /**
   * The configuration as it is now, and the variables that it was read from.
   * @throws {ConfigError} naming everything that is wrong
   */
  read(): { config: Config; variables: Env } {
    const env: Record<string, string | undefined> = { ...this.#env }
    for (const [name, value] of Object.entries(this.#said)) if (env[name] === value) delete env[name]
    const now = { ...this.#readDotenv(), ...env }
    return { config: loadConfig(now), variables: readVariables(now, () => {}) }
  }

  #readDotenv(): Env {
    try {
      return parseEnv(readFileSync(this.#dotenv, 'utf8')) as Env
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
      throw error
    }
  }
}
