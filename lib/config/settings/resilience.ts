import { flag, integer, type StatusRange, seconds, statusRanges } from '../../base/values/values.js'
import { type ValuesOf, variable } from '../variable.js'

const HOUR_S = 3600

/** The variables of retries, hedging, outlier detection, queues and slow start. */
export const resilienceVariables = {
  LB_RETRIES: variable(integer(0, 10), {
    description:
      'Retries of a request, on another backend if there is one. If no connection could be made, any request is retried; later only ' +
      'if its method is idempotent, its body was buffered, and no response has begun. Requests that no backend has ' +
      'processed are retried beyond that.',
    fallback: '2',
    flags: '--retries <n>'
  }),
  LB_RETRY_STATUS: variable(statusRanges(true), {
    description:
      'Status codes for which a request that may be sent twice is retried, such as `502-504`. None by default.',
    fallback: '',
    flags: '--retry-status <codes>'
  }),
  LB_RETRY_BUFFER: variable(integer(0, 16_777_216), {
    description: 'Largest body of an idempotent request that is buffered for retries. 0 buffers none.',
    fallback: '65536',
    unit: 'bytes',
    flags: '--retry-buffer <bytes>'
  }),
  LB_RETRY_BUDGET: variable(integer(0, 100), {
    description:
      'Share of the requests in flight that may be retries and hedges of requests sent already; 3 are always allowed. ' +
      'Retries beyond it wait for up to a second.',
    fallback: '20',
    unit: 'percent',
    flags: '--retry-budget <percent>'
  }),
  LB_NO_EJECTION: variable(flag(), {
    description:
      'Disables ejection: backends that fail while others do not stay in use until a health check fails or a connection ' +
      'is refused.',
    fallback: 'false',
    flags: '--no-ejection'
  }),
  LB_STALL_TIMEOUT: variable(seconds(0, HOUR_S), {
    description:
      'Time for which a backend may be silent while requests wait on it before it is probed by a health check; if that ' +
      'fails too, the backend is ejected until it answers, and waiting requests that may be sent twice are retried on ' +
      'another. 0 disables this.',
    fallback: '0.25',
    unit: 'seconds',
    flags: '--stall-timeout <seconds>'
  }),
  LB_HEDGE: variable(flag(), {
    description:
      'Hedging: sends a request with a safe method and no body to a second backend as well, within the retry budget, ' +
      'when it has waited longer than 95 % of requests do; the first answer is used.',
    fallback: 'false',
    flags: '--hedge'
  }),
  LB_SLOW_START: variable(seconds(0, HOUR_S), {
    description: 'Time in which the weight of a backend that comes back grows from a tenth to the whole.',
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
    description: 'Time that a request may wait in this queue, then `503`.',
    fallback: '5',
    unit: 'seconds',
    flags: '--queue-timeout <seconds>'
  }),
  LB_OUTAGE_TIMEOUT: variable(seconds(0, HOUR_S), {
    description:
      'Time that a request may wait while no backend is available, then `503`; at most `LB_QUEUE_SIZE` requests wait. ' +
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

type Values = ValuesOf<typeof resilienceVariables>

/** Options of retries, hedging, outlier detection, queues and slow start. */
export interface ResilienceConfig {
  /** After the first attempt. */
  readonly retries: number
  readonly retryStatus: readonly StatusRange[]
  readonly retryBufferBytes: number
  /** Share of the requests in flight, 0 to 1. */
  readonly retryBudget: number
  readonly ejection: boolean
  /** Silence after which a backend is probed; 0 to disable that. */
  readonly stallTimeoutMs: number
  readonly hedge: boolean
  readonly slowStartMs: number
  readonly queueSize: number
  readonly queueTimeoutMs: number
  /** While no backend is available; 0 for no waiting. */
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
