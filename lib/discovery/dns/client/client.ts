import type { DnsOptions } from '../../options.js'
import type { Answer } from './answer.js'
import { Asking } from './asking.js'
import type { Question } from './message.js'
import type { ResolverConfig } from './resolv-conf.js'
import { candidatesOf } from './search-list.js'
import { parseServer } from './server.js'
import { ServerOrder } from './server-order.js'
import { configOf, SystemConfig } from './system-config.js'

/** Asks DNS servers, those of the configuration or of the system, and tells what Node's resolver does not. */
export class DnsClient {
  readonly #configured: ResolverConfig | undefined
  readonly #system: SystemConfig
  readonly #order: ServerOrder

  constructor({ servers }: DnsOptions, system = new SystemConfig(), order = new ServerOrder()) {
    this.#configured = servers.length > 0 ? configOf(servers.map(parseServer)) : undefined
    this.#system = system
    this.#order = order
  }

  /** The complete names that one may stand for, in the order in which they are to be looked up. */
  candidatesOf(name: string): string[] {
    return candidatesOf(name, this.#config)
  }

  /** Whether IPv6 addresses are not to be asked for. */
  get isIPv4Only(): boolean {
    return this.#config.isIPv4Only
  }

  /** Asks the servers one question, until one of them answers, all have failed to, or it is aborted. Never rejects. */
  ask(question: Question, signal: AbortSignal): Promise<Answer> {
    const aborted: Answer = { kind: 'failed', reason: 'timeout' }
    if (signal.aborted) return Promise.resolve(aborted)
    return new Promise((resolve) => {
      const asking = new Asking(question, this.#config, this.#order, (answer) => {
        signal.removeEventListener('abort', onAbort)
        resolve(answer)
      })
      const onAbort = () => asking.end(aborted)
      signal.addEventListener('abort', onAbort)
      asking.start()
    })
  }

  get #config(): ResolverConfig {
    return this.#configured ?? this.#system.current
  }
}
