import { originOf } from '../../transport/origin.js'
import { DEFAULTS } from './backend-options.js'
import { type BackendConfig, readBackend } from './backend-spec.js'

/** A backend as JSON says it: its address or origin, and the options of `LB_BACKENDS` by the same names. */
export type BackendSpec = { readonly address: string } & Readonly<Record<string, string | number | boolean>>

/** What is wrong with what was said of backends; a line a fault. */
export class SpecError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(faults.join('; '))
    this.name = 'SpecError'
  }
}

/** What is wrong with a backend in view of the rest of the configuration; undefined for nothing. */
export type FaultOf = (config: BackendConfig) => string | undefined

/**
 * Reads backends as JSON says them.
 * @throws {SpecError} naming everything that is wrong
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

/** The options of a backend as JSON says them, without those that are as if nothing had been said. */
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
  const said = Object.entries(options).filter(([, value]) => value !== undefined)
  const place = config.protocol === 'https:' ? originOf(config) : config.address
  return { address: place, ...(Object.fromEntries(said) as Record<string, string | number | boolean>) }
}
