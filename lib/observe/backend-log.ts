import { describeNetworkError } from '../base/network-error.js'
import { OncePerKey } from '../base/once-per-key.js'
import type { Registry } from '../pool/registry.js'
import type { BackendFailure } from '../pool/registry-events.js'
import type { Resolver } from '../transport/resolver/resolver.js'
import { FailureLog } from './failure-log.js'

type LogMethod = (fields: object, message: string) => void

/** What is needed of a logger such as pino's. */
export interface Logger {
  readonly info: LogMethod
  readonly warn: LogMethod
  readonly error: LogMethod
}

const ROTATION_CHANGES = {
  ejected: 'is ejected',
  returned: 'is back from its ejection',
  draining: 'is being drained',
  'drain ended': 'is drained no more',
  terminating: 'is about to end',
  'terminating ended': 'is not about to end any more'
} as const

/** Logs what happens to backends: changes of state, of rotation and of the list, and failed requests. */
export class BackendLog {
  readonly #log: Logger
  readonly #registry: Registry
  readonly #failures: FailureLog

  constructor(log: Logger, registry: Registry) {
    this.#log = log
    this.#registry = registry
    this.#failures = new FailureLog((failure, repeats) => this.#onFailure(failure, repeats))
    registry.on('failure', (failure) => this.#failures.record(failure))
    this.#logStates()
    this.#logList()
  }

  /** Writes the failures that are held back. */
  flush(): void {
    this.#failures.flush()
  }

  #logStates(): void {
    const log = this.#log
    const registry = this.#registry
    registry.on('state', ({ backend, from, to, reason }) => {
      const fields = { backend: backend.address, from, to, reason, eligible: registry.eligibleCount }
      const message = `Backend[${backend.id}] ${backend.address} is ${to.toUpperCase()}, was ${from}: ${reason}`
      if (to === 'unhealthy') log.warn(fields, message)
      else log.info(fields, message)
      if (from === 'healthy' && fields.eligible === 0)
        log.error({}, 'No backend is left: requests are answered 503 until one is back')
    })
    registry.on('rotation', ({ backend, kind, reason }) => {
      const fields = { backend: backend.address, kind, reason, eligible: registry.eligibleCount }
      const message = `Backend[${backend.id}] ${backend.address} ${ROTATION_CHANGES[kind]}: ${reason}`
      if (kind === 'ejected') log.warn(fields, message)
      else log.info(fields, message)
    })
    registry.on('panic', (begins) => {
      if (begins) log.error({}, 'No backend is healthy: requests go to unhealthy ones')
      else log.info({}, 'Requests go to healthy backends alone again')
    })
  }

  #logList(): void {
    const log = this.#log
    const registry = this.#registry
    registry.on('added', ({ id, address }) =>
      log.info({ backend: address }, `Backend[${id}] ${address} has joined`)
    )
    registry.on('removed', ({ id, address, active }) =>
      log.info(
        { backend: address, inFlight: active },
        `Backend[${id}] ${address} has left, with ${active} requests in flight`
      )
    )
    registry.on('reconfigured', ({ id, address, weight, config }) =>
      log.info(
        { backend: address, weight, max: config.max, backup: config.backup },
        `Backend[${id}] ${address} is set up anew`
      )
    )
  }

  #onFailure({ backend, code, detail }: BackendFailure, repeats: number): void {
    const times = repeats > 1 ? ` (${repeats} times)` : ''
    this.#log.warn(
      { backend: backend.address, code, detail, repeats },
      `Backend[${backend.id}] ${backend.address} failed a request: ${detail}${times}`
    )
  }
}

/** Logs when the names of backends resolve to other addresses, fail to resolve, and resolve again. */
export function logNameLookups(log: Logger, resolver: Resolver): void {
  resolver.on('changed', ({ hostname, addresses, before }) =>
    log.info(
      { host: hostname, addresses, before },
      `${hostname} has moved to ${addresses.join(', ')} from ${before.join(', ')}`
    )
  )
  resolver.on('failing', ({ hostname, error, isKnown }) => {
    const reason = describeNetworkError(error)
    const kept = isKnown ? ': its last addresses are kept' : ''
    log.warn({ host: hostname, reason }, `${hostname} is not resolved (${reason})${kept}`)
  })
  resolver.on('recovered', ({ hostname, addresses }) =>
    log.info({ host: hostname, addresses }, `${hostname} is resolved: ${addresses.join(', ')}`)
  )
}

/** Logs errors of the balancer's own code in the handling of a response, with their stack, each kind once. */
export function internalErrorLog(log: Logger): (error: unknown) => void {
  const seen = new OncePerKey()
  return (error) => {
    if (seen.isFirst(error instanceof Error ? `${error.stack}` : `${error}`))
      log.error({ err: error }, `A response was dropped by an error of the balancer itself: ${error}`)
  }
}
