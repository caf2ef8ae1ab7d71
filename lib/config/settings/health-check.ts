import {
  checkBody,
  checkFields,
  checkHost,
  checkMethod,
  checkTarget,
  grpcService
} from '../../base/values/check-values.js'
import { flag, integer, seconds, secondsOrZero, statusRanges } from '../../base/values/values.js'
import type { MemberList } from '../../discovery/spec/member-list.js'
import { optionsOf } from '../../discovery/spec/template.js'
import type { HealthCheckConfig } from '../../health/options.js'
import type { BackendOptions } from '../../pool/spec/backend-options.js'
import { type Needs, type ValuesOf, variable } from '../variable.js'

const HOUR_S = 3600
const DAY_S = 24 * HOUR_S

/** The variables of the health checks. A backend's options may override some. */
export const healthCheckVariables = {
  LB_HEALTH_CHECK_PERIOD: variable(seconds(0.1, DAY_S), {
    description:
      'Time between two health checks of a backend, ±10 %. While its state is about to change, the next check comes ' +
      'after a quarter of it, or after a second if that is sooner.',
    fallback: '5',
    unit: 'seconds',
    flags: '--health-check-period <seconds>'
  }),
  LB_HEALTH_CHECK_DOWN_PERIOD: variable(secondsOrZero(0.1, DAY_S), {
    description:
      'Time between two health checks of an unhealthy backend, ±10 %. 0 means the same as for others.',
    fallback: '0',
    unit: 'seconds',
    flags: '--health-check-down-period <seconds>'
  }),
  LB_HEALTH_CHECK_METHOD: variable(checkMethod(), {
    description: 'Method of health checks: `GET`, `HEAD`, `OPTIONS`, or any other except `CONNECT`.',
    fallback: 'GET',
    flags: '--health-check-method <method>'
  }),
  LB_HEALTH_CHECK_URL: variable(checkTarget(), {
    description:
      'Path that health checks request; or `grpc:`, with the name of a service or without, for checks by ' +
      '`grpc.health.v1.Health` ([gRPC](grpc.md#health-checks)).',
    fallback: '/',
    flags: '--health-check-url <path>'
  }),
  LB_HEALTH_CHECK_HOST: variable(checkHost(), {
    description:
      "`Host` field of health checks, instead of the backend's address. Over TLS, a name is also the server name (SNI) " +
      'for which the certificate must be valid.',
    fallback: '',
    flags: '--health-check-host <host>'
  }),
  LB_HEALTH_CHECK_HEADERS: variable(checkFields(), {
    description:
      'Further fields of health checks, each `Name: value`, separated by line breaks, or by `;` if there are none. Not ' +
      '`Host`, `Content-Length`, `Transfer-Encoding`, `Connection` or `Upgrade`.',
    fallback: '',
    isSecret: true,
    flags: '--health-check-headers <fields>'
  }),
  LB_HEALTH_CHECK_TIMEOUT: variable(seconds(0.05, HOUR_S), {
    description:
      'Time for one health check, from connecting to the response head, or to the end of the part of the body that ' +
      '`LB_HEALTH_CHECK_BODY` searches. At most the period: a longer timeout is cut to it.',
    fallback: '2',
    unit: 'seconds',
    flags: '--health-check-timeout <seconds>'
  }),
  LB_HEALTH_CHECK_STATUS: variable(statusRanges(), {
    description: 'Status codes of a healthy answer: codes and ranges, separated by commas.',
    fallback: '200-399',
    flags: '--health-check-status <codes>'
  }),
  LB_HEALTH_CHECK_BODY: variable(checkBody(), {
    description:
      'What the first 64 KiB of the body of a healthy answer must contain: a text, or a JavaScript pattern, `/…/`, with ' +
      'the flags `i`, `m`, `s`, `u` and `v`. Empty to ignore bodies.',
    fallback: '',
    flags: '--health-check-body <text>'
  }),
  LB_HEALTH_CHECK_RISE: variable(integer(1, 100), {
    description:
      'Consecutive passed checks that make an unhealthy backend healthy. At the start, one is enough.',
    fallback: '2',
    flags: '--health-check-rise <n>'
  }),
  LB_HEALTH_CHECK_FALL: variable(integer(1, 100), {
    description: 'Consecutive failed checks that make a healthy backend unhealthy.',
    fallback: '3',
    flags: '--health-check-fall <n>'
  }),
  LB_NO_HEALTH_CHECK: variable(flag(), {
    description:
      'Disables health checks. Backends then count as healthy until a connection is refused, and again when one is ' +
      'accepted.',
    fallback: 'false',
    flags: '--no-health-check'
  })
}

type Values = ValuesOf<typeof healthCheckVariables>

/** @param maxHeadBytes of the response head */
export function healthCheckOf(values: Values, maxHeadBytes: number): HealthCheckConfig {
  return {
    enabled: !values.LB_NO_HEALTH_CHECK,
    periodMs: values.LB_HEALTH_CHECK_PERIOD,
    downPeriodMs: values.LB_HEALTH_CHECK_DOWN_PERIOD,
    timeoutMs: values.LB_HEALTH_CHECK_TIMEOUT,
    method: values.LB_HEALTH_CHECK_METHOD,
    path: values.LB_HEALTH_CHECK_URL,
    host: values.LB_HEALTH_CHECK_HOST,
    fields: values.LB_HEALTH_CHECK_HEADERS,
    body: values.LB_HEALTH_CHECK_BODY,
    rise: values.LB_HEALTH_CHECK_RISE,
    fall: values.LB_HEALTH_CHECK_FALL,
    expectedStatus: values.LB_HEALTH_CHECK_STATUS,
    maxHeadBytes
  }
}

/**
 * What is wrong with a backend without a check path of its own, given the configured one; undefined for nothing.
 * @param target path, or `grpc:` and a service
 */
export function checkFault({ checkPath, checkStatus, h2, noCheck }: BackendOptions, target: string) {
  if (checkPath !== undefined || noCheck || grpcService(target) === undefined) return undefined
  if (!h2) return `needs h2, or a check of its own: LB_HEALTH_CHECK_URL=${target} is spoken over HTTP/2 alone`
  return checkStatus && 'check-status says nothing of a check by gRPC'
}

/** Settings for HTTP checks that have no effect, as no backend has such checks; and backends that cannot be checked. */
export function checkConflicts(
  values: Values & { readonly LB_BACKENDS: MemberList },
  isIdleWithout: Needs
): string[] {
  if (values.LB_NO_HEALTH_CHECK) return []
  const target = values.LB_HEALTH_CHECK_URL
  const { backends, sources } = values.LB_BACKENDS
  const ofSources = sources.map(({ name, template }) => ({ ...optionsOf(template), address: name }))
  const all = [...backends, ...ofSources]
  const hasPath = all.some(
    ({ checkPath, noCheck }) => !noCheck && grpcService(checkPath ?? target) === undefined
  )
  const isGrpc = all.some(
    ({ checkPath, noCheck }) => !noCheck && grpcService(checkPath ?? target) !== undefined
  )
  const need = 'a backend that is asked for a path: checks by gRPC do not look at it'
  const { LB_HEALTH_CHECK_STATUS: status, LB_HEALTH_CHECK_METHOD: method } = values
  const isDefault = status.length === 1 && status[0]!.from === 200 && status[0]!.to === 399
  isIdleWithout('LB_HEALTH_CHECK_METHOD', isGrpc && method !== 'GET', need, hasPath)
  isIdleWithout('LB_HEALTH_CHECK_STATUS', isGrpc && !isDefault, need, hasPath)
  isIdleWithout('LB_HEALTH_CHECK_BODY', isGrpc && values.LB_HEALTH_CHECK_BODY !== '', need, hasPath)
  return all.flatMap((backend) => {
    const fault = checkFault(backend, target)
    return fault ? [`LB_BACKENDS "${backend.address}": ${fault}`] : []
  })
}
