import { flag, integer, type StatusRange, seconds, statusRanges } from '../base/values/values.js'
import { variable } from './variable.js'

const HOUR_S = 3600

/** The variables of what keeps clients from noticing broken backends. */
export const resilienceVariables = {
  LB_RETRIES: variable(integer(0, 10), {
    description:
      'How many more times a request is tried: on another backend when the connection could not be made, whatever its ' +
      'method; after that only if its method is idempotent, its body was kept, and nothing was answered. What no backend ' +
      'has looked at is tried again besides.',
    fallback: '2',
    flags: '--retries <n>'
  }),
  LB_RETRY_STATUS: variable(statusRanges(true), {
    description:
      'Status codes, such as `502-504`, that a request which may be sent twice is tried again for. None by default.',
    fallback: '',
    flags: '--retry-status <codes>'
  }),
  LB_RETRY_BUFFER: variable(integer(0, 16_777_216), {
    description:
      'Size of the bodies that are kept, of idempotent requests, to send them a second time. 0 keeps none.',
    fallback: '65536',
    unit: 'bytes',
    flags: '--retry-buffer <bytes>'
  }),
  LB_RETRY_BUDGET: variable(integer(0, 100), {
    description:
      'Share of the requests in flight that may be second tries of what was sent already, and at least 3. ' +
      'Those above it wait for up to a second.',
    fallback: '20',
    unit: 'percent',
    flags: '--retry-budget <percent>'
  }),
  LB_NO_EJECTION: variable(flag(), {
    description:
      'Keeps backends that fail while others do not in use, unless a health check or a refused connection takes them out.',
    fallback: 'false',
    flags: '--no-ejection'
  }),
  LB_STALL_TIMEOUT: variable(seconds(0, HOUR_S), {
    description:
      'Silence of a backend with requests waiting after which it is asked by a check of its own; if that fails too, ' +
      'it is ejected until it answers, and what waits is sent elsewhere if it may be sent twice. 0 turns that off.',
    fallback: '0.25',
    unit: 'seconds',
    flags: '--stall-timeout <seconds>'
  }),
  LB_HEDGE: variable(flag(), {
    description:
      'Sends a request with a safe method and no body to a second backend too, within the retry budget, when it has ' +
      'waited longer than 95 % of the requests do; the first answer is taken.',
    fallback: 'false',
    flags: '--hedge'
  }),
  LB_SLOW_START: variable(seconds(0, HOUR_S), {
    description: 'Time in which the share of a backend that comes back grows from a tenth to the whole.',
    fallback: '10',
    unit: 'seconds',
    flags: '--slow-start <seconds>'
  }),
  LB_QUEUE_SIZE: variable(integer(0, 1_000_000), {
    description:
      'Requests that may wait while every eligible backend has as many in flight as its `;max=N` allows.',
    fallback: '1000',
    flags: '--queue-size <n>'
  }),
  LB_QUEUE_TIMEOUT: variable(seconds(0.01, HOUR_S), {
    description: 'Time that a request may wait so, then `503`.',
    fallback: '5',
    unit: 'seconds',
    flags: '--queue-timeout <seconds>'
  }),
  LB_OUTAGE_TIMEOUT: variable(seconds(0, HOUR_S), {
    description:
      'Time that a request may wait for a backend while none can be used, as many as `LB_QUEUE_SIZE`, then `503`. ' +
      '0 answers at once.',
    fallback: '0',
    unit: 'seconds',
    flags: '--outage-timeout <seconds>'
  }),
  LB_PANIC: variable(flag(), {
    description: 'Uses unhealthy backends while none is healthy, instead of answering `503`.',
    fallback: 'false',
    flags: '--panic'
  })
}

type Values = { [Name in keyof typeof resilienceVariables]: (typeof resilienceVariables)[Name]['_output'] }

export interface ResilienceConfig {
  /** After the first try. */
  readonly retries: number
  readonly retryStatus: readonly StatusRange[]
  readonly retryBufferBytes: number
  /** Of the requests in flight, 0 to 1. */
  readonly retryBudget: number
  readonly ejection: boolean
  /** 0 for never. */
  readonly stallTimeoutMs: number
  readonly hedge: boolean
  readonly slowStartMs: number
  readonly queueSize: number
  readonly queueTimeoutMs: number
  /** 0 for no waiting. */
  readonly outageTimeoutMs: number
  readonly panic: boolean
}

export function resilienceOf(values: Values): ResilienceConfig {
  return {
    retries: values.LB_RETRIES,
    retryStatus: values.LB_RETRY_STATUS,
    retryBufferBytes: values.LB_RETRY_BUFFER,
    retryBudget: values.LB_RETRY_BUDGET / 100,
    ejection: !values.LB_NO_EJECTION,
    stallTimeoutMs: values.LB_STALL_TIMEOUT,
    hedge: values.LB_HEDGE,
    slowStartMs: values.LB_SLOW_START,
    queueSize: values.LB_QUEUE_SIZE,
    queueTimeoutMs: values.LB_QUEUE_TIMEOUT,
    outageTimeoutMs: values.LB_OUTAGE_TIMEOUT,
    panic: values.LB_PANIC
  }
}
