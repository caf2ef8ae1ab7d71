import { originOf } from '../../transport/origin.js'
import { DEFAULTS } from './backend-options.js'
import { type BackendConfig, readBackend } from './backend-spec.js'

/** A backend in JSON: its address or origin, and the options of `LB_BACKENDS` under the same names. */
export type BackendSpec = { readonly address: string } & Readonly<Record<string, string | number | boolean>>

/** Specifications of backends are invalid. */
export class SpecError extends Error {
  readonly code = 'LB_WRONG_BACKEND'

  /** @param faults one line each */
  constructor(readonly faults: readonly string[]) {
    super(faults.join('; '))
    this.name = 'SpecError'
  }
}

/** Validates a backend against the rest of the configuration. Returns the fault, or undefined. */
export type FaultOf = (config: BackendConfig) => string | undefined

/**
 * Parses backends in JSON.
 * @throws {SpecError} with all faults
 */
export function readBackendSpecs(
  specs: readonly BackendSpec[],
  faultOf: FaultOf = () => undefined
): BackendConfig[] {
  const faults: string[] = []
  const seen = new Set<string>()
  const configs = specs.flatMap(({ address, ...options }) => {
    const fault = (message: string) =>
      void faults.push(`"${address.replace(/\/\/.*@/, '//***@')}": ${message}`)
    const given = Object.entries(options)
      .filter(([, value]) => value !== false)
      .map(([name, value]) => (value === true ? name : `${name}=${value}`))
    const config = readBackend(address, given, fault)
    if (!config) return []
    const wrong = faultOf(config)
    if (wrong) fault(wrong)
    if (seen.has(config.address)) fault(`duplicate, ${config.address} is listed twice`)
    seen.add(config.address)
    return [config]
  })
  if (faults.length > 0) throw new SpecError(faults)
  return configs
}

/** A backend in JSON, without options that have their default value. */
export function specOf(config: BackendConfig): BackendSpec {
  const { weight, max, backup, checkPath, checkHost, checkPort, checkStatus, checkPeriodMs, noCheck } = config
  const { tlsName, tlsNoVerify, h2, proxyProtocol, maxAgeMs, maxRequests, resolveMs } = config
  const options = {
    weight: weight === 1 ? undefined : weight,
    max: max || undefined,
    backup: backup || undefined,
    h2: h2 || undefined,
    proxy: proxyProtocol && `v${proxyProtocol}`,
    'max-age': maxAgeMs === DEFAULTS.maxAgeMs ? undefined : maxAgeMs / 1000,
    'max-requests': maxRequests === DEFAULTS.maxRequests ? undefined : maxRequests,
    resolve: resolveMs === DEFAULTS.resolveMs ? undefined : resolveMs / 1000,
    check: checkPath,
    'check-host': checkHost,
    'check-port': checkPort,
    'check-status': checkStatus?.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join('+'),
    'check-period': checkPeriodMs === undefined ? undefined : checkPeriodMs / 1000,
    'no-check': noCheck || undefined,
    'tls-name': tlsName,
    'tls-no-verify': tlsNoVerify || undefined
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const address = config.protocol === 'https:' ? originOf(config) : config.address
  return { address, ...(Object.fromEntries(given) as Record<string, string | number | boolean>) }
}
