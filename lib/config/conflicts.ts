import { NO_BACKEND } from '../pool/spec/backend-spec.js'
import type { Values } from './schema.js'
import { sourceConflicts } from './settings/discovery.js'
import { fleetConflicts } from './settings/fleet.js'
import { checkConflicts } from './settings/health-check.js'
import { http2Conflicts } from './settings/http2.js'
import { registrationConflicts } from './settings/registration.js'
import { stickyConflicts } from './settings/sticky.js'
import { backendTlsConflicts, tlsConflicts } from './settings/tls.js'
import type { Needs } from './variable.js'

/** A list of faults, and what adds to it. */
function faultList(): { readonly faults: string[]; readonly needs: Needs } {
  const faults: string[] = []
  const needs: Needs = (name, isUsed, need, isMet) => {
    if (isUsed && !isMet) faults.push(`${name} needs ${need}`)
  }
  return { faults, needs }
}

/** What is wrong with values that are each valid by itself, whatever the settings of pools are. */
export function serverConflicts(values: Values): string[] {
  const { faults, needs } = faultList()
  needs(
    'LB_PROXY_PROTOCOL',
    values.LB_PROXY_PROTOCOL,
    'LB_TRUSTED_PROXIES: the header is read from those alone',
    values.LB_TRUSTED_PROXIES.rules.length > 0
  )
  needs(
    'LB_ADMIN_PORT',
    values.LB_ADMIN_PORT !== '' && values.LB_ADMIN_PORT !== 0,
    'another port than PORT',
    values.LB_ADMIN_PORT !== values.PORT
  )
  http2Conflicts(values, needs, values.LB_TLS_CERT.length > 0)
  fleetConflicts(values, needs)
  faults.push(...registrationConflicts(values, needs))
  faults.push(...tlsConflicts(values, needs))
  return faults
}

/** Conflicts between the values of a pool that are each valid by itself. */
export interface PoolConflicts {
  /** What cannot work. */
  readonly broken: readonly string[]
  /** Settings that have no effect, for want of another. */
  readonly idle: readonly string[]
}

/** What is wrong with the values of a pool. */
export function poolConflicts(values: Values): PoolConflicts {
  const { faults, needs } = faultList()
  const { faults: idle, needs: isIdleWithout } = faultList()
  needs(
    'LB_HEALTH_CHECK_BODY',
    values.LB_HEALTH_CHECK_BODY !== '',
    'another LB_HEALTH_CHECK_METHOD: an answer to HEAD has no body',
    values.LB_HEALTH_CHECK_METHOD !== 'HEAD'
  )
  const { backends, sources } = values.LB_BACKENDS
  if (backends.length + sources.length === 0 && values.LB_REGISTER_TOKEN.size === 0)
    faults.push(`LB_BACKENDS ${NO_BACKEND}`)
  const isHash = values.LB_ALGORITHM === 'hash'
  isIdleWithout('LB_HASH_KEY', values.LB_HASH_KEY.from !== 'address', 'LB_ALGORITHM=hash', isHash)
  stickyConflicts(values, needs, isIdleWithout)
  faults.push(...checkConflicts(values, isIdleWithout))
  faults.push(...backendTlsConflicts(values, needs))
  faults.push(...sourceConflicts(values))
  return { broken: faults, idle }
}
