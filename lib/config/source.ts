import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { type Config, type LoadedConfig, loadWithVariables } from './load.js'

type Env = Readonly<Record<string, string | undefined>>

/** The sources of the configuration, for reloads: `.env`, the file of `LB_CONFIG`, and the environment at the start. */
export class ConfigSource {
  readonly #env: Env
  readonly #dotenv: string
  /** Values of `.env` at the start: the environment contains them as if they had been set there. */
  readonly #dotenvAtStart: Env

  /**
   * @param env the environment, with the values of `.env` already in it
   * @param dotenv path of `.env`, which need not exist
   */
  constructor(env: Env, dotenv: string) {
    this.#env = { ...env }
    this.#dotenv = dotenv
    this.#dotenvAtStart = this.#readDotenv()
  }

  /** The files to watch for changes. */
  files(config: Config): string[] {
    return config.file === '' ? [this.#dotenv] : [this.#dotenv, config.file]
  }

  /**
   * The configuration as it is now, and the variables that it was read from.
   * @throws {ConfigError} naming everything that is wrong
   */
  read(): LoadedConfig {
    return loadWithVariables({ ...this.#readDotenv(), ...this.givenEnv })
  }

  /** The environment of the start, without what `.env` has put into it: for a process that reads that file itself. */
  get givenEnv(): Env {
    const env: Record<string, string | undefined> = { ...this.#env }
    for (const [name, value] of Object.entries(this.#dotenvAtStart)) if (env[name] === value) delete env[name]
    return env
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
