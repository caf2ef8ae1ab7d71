import {
  CHECK_TARGET,
  grpcService,
  isCheckTarget,
  isHost,
  isHostName
} from '../../base/values/check-values.js'
import { readFlag, readSeconds, readStatusRanges, type StatusRange } from '../../base/values/values.js'
import type { BackendTlsOptions, ConnectionOptions } from '../../transport/origin-options.js'

export const MAX_WEIGHT = 256
export const MAX_IN_FLIGHT = 1_000_000
export const MAX_OF_REQUESTS = 100_000_000
const MAX_PORT = 65_535
const MIN_PERIOD_S = 0.1
const MAX_PERIOD_S = 86_400
/** As nginx's `keepalive_time`. */
const MAX_AGE_MS = 3_600_000
const MAX_REQUESTS = 100_000
const RESOLVE_MS = 10_000
const LONGEST_AGE_S = 2_592_000

/** Health checks of one backend; what is absent is as configured for all. */
export interface CheckOptions {
  /** A path, or `grpc:service` for gRPC's health checking protocol. */
  readonly checkPath?: string
  /** For the `Host` field and, if it is a name, for TLS. */
  readonly checkHost?: string
  readonly checkPort?: number
  readonly checkStatus?: readonly StatusRange[]
  readonly checkPeriodMs?: number
  /** No checks: it is healthy until a connection is refused, and again when one is accepted. */
  readonly noCheck?: boolean
}

/** The options of a backend in `LB_BACKENDS`, after its address. */
export interface BackendOptions extends CheckOptions, BackendTlsOptions, ConnectionOptions {
  /** HTTP/2: with prior knowledge or, over TLS, negotiated by ALPN. */
  readonly h2?: boolean
  /** Version of the PROXY protocol header that it is sent on each connection. */
  readonly proxyProtocol?: 1 | 2
  /** Share of the load relative to the others (1 to 256, default 1). */
  readonly weight: number
  /** Limit of requests in flight; 0 for none. */
  readonly max: number
  /** Used only while no primary backend is eligible. */
  readonly backup: boolean
}

/**
 * Parses the value of an option; undefined if it has none. Calls `fault` for an invalid one, with what would be valid.
 */
type Reader<T> = (value: string | undefined, fault: (wanted: string) => undefined) => T | undefined

interface Option<T> {
  /** Its name in the configuration, if that is not the property's. */
  readonly name?: string
  readonly fallback?: T
  readonly read: Reader<T>
}

const OPTIONS: { readonly [K in keyof BackendOptions]-?: Option<BackendOptions[K]> } = {
  weight: { fallback: 1, read: wholeNumber(1, MAX_WEIGHT) },
  max: { fallback: 0, read: wholeNumber(1, MAX_IN_FLIGHT) },
  backup: { fallback: false, read: flag },
  h2: { read: flag },
  proxyProtocol: { name: 'proxy', read: proxyVersion },
  maxAgeMs: { name: 'max-age', fallback: MAX_AGE_MS, read: secondsOrZero(LONGEST_AGE_S) },
  maxRequests: { name: 'max-requests', fallback: MAX_REQUESTS, read: wholeNumber(0, MAX_OF_REQUESTS) },
  resolveMs: { name: 'resolve', fallback: RESOLVE_MS, read: secondsOrZero(MAX_PERIOD_S) },
  checkPath: { name: 'check', read: text(isCheckTarget, CHECK_TARGET) },
  checkHost: { name: 'check-host', read: text(isHost, 'a host such as app.example') },
  checkPort: { name: 'check-port', read: wholeNumber(1, MAX_PORT) },
  checkStatus: { name: 'check-status', read: statusCodes },
  checkPeriodMs: { name: 'check-period', read: period },
  noCheck: { name: 'no-check', read: flag },
  tlsName: { name: 'tls-name', read: text(isHostName, 'a host name such as app.example') },
  tlsNoVerify: { name: 'tls-no-verify', read: flag }
}

const KEY_OF = new Map(
  Object.entries(OPTIONS).map(([key, { name }]) => [name ?? key, key as keyof BackendOptions])
)

/** The default options. */
export const DEFAULTS = Object.fromEntries(
  Object.entries(OPTIONS).flatMap(([key, { fallback }]) => (fallback === undefined ? [] : [[key, fallback]]))
) as unknown as BackendOptions

/** The names of all options in the configuration. */
export const OPTION_NAMES = [...KEY_OF.keys()]
const NAME_LIST = OPTION_NAMES.join(', ')

/** Parses options, each `name=value` or `name`. Calls `fault` for each error. */
export function parseOptions(options: readonly string[], fault: (message: string) => void): BackendOptions {
  const values: Record<string, unknown> = { ...DEFAULTS }
  const seen = new Set<string>()
  for (const option of options) {
    const [name = '', value] = option.split(/=(.*)/s)
    const key = KEY_OF.get(name)
    if (!key) {
      fault(`unknown option "${option}"; known: ${NAME_LIST}`)
    } else if (seen.has(name)) {
      fault(`${name} is given twice`)
    } else {
      seen.add(name)
      values[key] = OPTIONS[key].read(value, (wanted) => {
        fault(`${name} must be ${wanted}, but is "${value ?? ''}"`)
        return undefined
      })
    }
  }
  const [unused] = values.noCheck ? [...seen].filter((name) => name.startsWith('check')) : []
  if (unused) fault(`no-check leaves nothing to be said by ${unused}`)
  else if (values.checkPath !== undefined && grpcService(values.checkPath as string) !== undefined) {
    if (!values.h2) fault(`check=${values.checkPath} needs h2: gRPC is spoken over HTTP/2 alone`)
    if (values.checkStatus) fault('check-status says nothing of a check by gRPC')
  }
  return values as unknown as BackendOptions
}

function wholeNumber(min: number, max: number): Reader<number> {
  return (value = '', fault) => {
    if (/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    return fault(`a whole number from ${min} to ${max}`)
  }
}

/** A flag; its name alone means true. */
function flag(...[value, fault]: Parameters<Reader<boolean>>): boolean | undefined {
  return value === undefined || (readFlag(value) ?? fault('true or false'))
}

function proxyVersion(...[value, fault]: Parameters<Reader<1 | 2>>): 1 | 2 | undefined {
  if (value === 'v1') return 1
  return value === 'v2' ? 2 : fault('v1 or v2')
}

function text(isRight: (value: string) => boolean, wanted: string): Reader<string> {
  return (value = '', fault) => (isRight(value) ? value : fault(wanted))
}

/** Several are separated by `+`, as a comma ends the backend. */
function statusCodes(...[value = '', fault]: Parameters<Reader<readonly StatusRange[]>>) {
  let isRight = true
  const ranges = readStatusRanges(value, '+', () => {
    isRight = false
  })
  return isRight ? ranges : fault('status codes or ranges such as 200-299+304')
}

function secondsOrZero(max: number): Reader<number> {
  return (value = '', fault) =>
    readSeconds(value, 0, 0) ??
    readSeconds(value, MIN_PERIOD_S, max) ??
    fault(`0 or a number of seconds from ${MIN_PERIOD_S} to ${max}`)
}

function period(...[value = '', fault]: Parameters<Reader<number>>): number | undefined {
  return (
    readSeconds(value, MIN_PERIOD_S, MAX_PERIOD_S) ??
    fault(`a number of seconds from ${MIN_PERIOD_S} to ${MAX_PERIOD_S}`)
  )
}
