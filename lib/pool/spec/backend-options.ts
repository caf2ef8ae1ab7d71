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
/** As those of nginx's connections to its upstreams last. */
const MAX_AGE_MS = 3_600_000
const MAX_REQUESTS = 100_000
const RESOLVE_MS = 10_000
const LONGEST_AGE_S = 2_592_000

/** What a backend says of its health checks; what it does not say is as it is for all. */
export interface CheckOptions {
  /** What is asked for: a path, or the health of a service of gRPC as `grpc:name`. */
  readonly checkPath?: string
  /** Of the `Host` field, and of TLS where it is a name. */
  readonly checkHost?: string
  readonly checkPort?: number
  readonly checkStatus?: readonly StatusRange[]
  readonly checkPeriodMs?: number
  /** Never asked: healthy until a connection is refused, and again when one is accepted. */
  readonly noCheck?: boolean
}

/** What can be said of one backend in `LB_BACKENDS`, behind its address. */
export interface BackendOptions extends CheckOptions, BackendTlsOptions, ConnectionOptions {
  /** It is spoken to in HTTP/2: that is known beforehand, or has to be agreed to over TLS. */
  readonly h2?: boolean
  /** The version of the PROXY protocol in which it is told at the start of a connection whose that is. */
  readonly proxyProtocol?: 1 | 2
  /** Share of the load in proportion to the others' (1 to 256, default 1). */
  readonly weight: number
  /** Requests in flight at it at once; 0 for no limit. */
  readonly max: number
  /** Used only while none of the others can be. */
  readonly backup: boolean
}

/**
 * Reads the value of an option, `undefined` where none was given. A wrong one is told to `fault` by what it would
 * have to be.
 */
type Reader<T> = (value: string | undefined, fault: (wanted: string) => undefined) => T | undefined

interface Option<T> {
  /** As it is written, where that is not the name of the property. */
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

/** What holds for a backend that does not say. */
export const DEFAULTS = Object.fromEntries(
  Object.entries(OPTIONS).flatMap(([key, { fallback }]) => (fallback === undefined ? [] : [[key, fallback]]))
) as unknown as BackendOptions

/** As they are written. */
export const OPTION_NAMES = [...KEY_OF.keys()]
const KNOWN = OPTION_NAMES.join(', ')

/** Reads `name=value` options, each given at most once. Calls `fault` once for everything that is wrong. */
export function parseOptions(options: readonly string[], fault: (message: string) => void): BackendOptions {
  const values: Record<string, unknown> = { ...DEFAULTS }
  const seen = new Set<string>()
  for (const option of options) {
    const [name = '', value] = option.split(/=(.*)/s)
    const key = KEY_OF.get(name)
    if (!key) {
      fault(`unknown option "${option}"; known: ${KNOWN}`)
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

/** The name alone says yes. */
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

/** A `+` stands between several, as a comma ends the backend. */
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
