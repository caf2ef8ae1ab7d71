import { readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { DEFAULTS, parseResolvConf, type ResolverConfig } from './resolv-conf.js'

const RESOLV_CONF = '/etc/resolv.conf'

/** What the system says of DNS. */
export class SystemConfig {
  readonly #file: string
  #config: ResolverConfig | undefined
  #version: string | undefined

  constructor(file = RESOLV_CONF) {
    this.#file = file
  }

  /** As its file is now. What was read last stays while the file cannot be. */
  get current(): ResolverConfig {
    try {
      const { ino, mtimeMs, size } = statSync(this.#file)
      const version = `${ino} ${mtimeMs} ${size}`
      if (this.#version !== version) {
        this.#config = parseResolvConf(readFileSync(this.#file, 'utf8'), hostname())
        this.#version = version
      }
    } catch {
      this.#version = undefined
    }
    this.#config ??= parseResolvConf('', hostname())
    return this.#config
  }
}

/** With these servers alone: names are asked for as they are written. */
export const configOf = (servers: ResolverConfig['servers']): ResolverConfig => ({ ...DEFAULTS, servers })
