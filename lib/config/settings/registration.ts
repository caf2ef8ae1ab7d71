import type { BlockList } from 'node:net'
import { addressRanges, integer, LIST_IN_FILE, parsed } from '../../base/values/values.js'
import { type Needs, type ValuesOf, variable } from '../variable.js'
import { tokenFaults } from './admin.js'

const MAX_LEASES = 10_000

/** The variables of registration: which backends may add themselves to a pool. */
export const registrationVariables = {
  LB_REGISTER_TOKEN: variable(tokens(), {
    description:
      'Bearer token with which backends register themselves over `/__lb/api/leases/`, at least 16 characters; where ' +
      'there are several pools, one for each that they may join: `web:TOKEN api:TOKEN`. Without one nothing can register.',
    fallback: '',
    isSecret: true
  }),
  LB_REGISTER_ALLOW: variable(addressRanges(), {
    description:
      'Addresses and CIDR ranges whose connections may register backends, judged as those of `LB_ADMIN_ALLOW`; others ' +
      'get `404`.',
    fallback: '127.0.0.0/8 ::1',
    flags: '--register-allow <ranges>'
  }),
  LB_REGISTER_RANGES: variable(addressRanges(true), {
    description:
      'Addresses and CIDR ranges that may be registered from other addresses than themselves. Those of this machine and ' +
      'link-local ones are refused unless they are listed here.',
    fallback: '',
    flags: '--register-ranges <ranges>'
  }),
  LB_REGISTER_MAX: variable(integer(1, MAX_LEASES), {
    description: 'Backends that may be registered in a pool at once.',
    fallback: '1000',
    flags: '--register-max <n>'
  })
}

type Values = ValuesOf<typeof registrationVariables>

/** Which backends may add themselves to a pool. */
export interface RegistrationConfig {
  /** By the names of pools; empty for the only one. */
  readonly tokens: ReadonlyMap<string, string>
  /** Who may register. */
  readonly allow: BlockList
  /** What may be registered by others. */
  readonly ranges: BlockList
  /** Leases of a pool at once. */
  readonly max: number
}

/** Options of registration; undefined if nothing can register. */
export function registrationOf(values: Values): RegistrationConfig | undefined {
  if (values.LB_REGISTER_TOKEN.size === 0) return undefined
  return {
    tokens: values.LB_REGISTER_TOKEN,
    allow: values.LB_REGISTER_ALLOW,
    ranges: values.LB_REGISTER_RANGES,
    max: values.LB_REGISTER_MAX
  }
}

/** What is wrong with values that are each valid by itself. */
export function registrationConflicts(
  values: Values & { readonly LB_ADMIN_TOKEN: string },
  needs: Needs
): string[] {
  const { LB_REGISTER_TOKEN: tokens } = values
  const need = 'LB_REGISTER_TOKEN, without which nothing can register'
  const isOn = tokens.size > 0
  needs('LB_REGISTER_RANGES', values.LB_REGISTER_RANGES.rules.length > 0, need, isOn)
  const all = [...tokens.values()]
  if (all.includes(values.LB_ADMIN_TOKEN))
    return ['LB_REGISTER_TOKEN must be another than LB_ADMIN_TOKEN, which may do more']
  return new Set(all).size < all.length ? ['LB_REGISTER_TOKEN must have another token for each pool'] : []
}

/** What is wrong with the names of pools in `LB_REGISTER_TOKEN`. */
export function registrationFaults(
  { LB_REGISTER_TOKEN: tokens }: Values,
  pools: readonly string[]
): string[] {
  if (tokens.has('') && pools.length !== 1)
    return [
      `LB_REGISTER_TOKEN must say which pool each token is for, as there are several: ${pools[0]}:TOKEN`
    ]
  return [...tokens.keys()]
    .filter((name) => name !== '' && !pools.includes(name))
    .map((name) => `LB_REGISTER_TOKEN names the pool "${name}", but there are ${pools.join(', ')}`)
}

/** A token, or `POOL:TOKEN` for each pool. Error messages contain none. */
function tokens() {
  return parsed<ReadonlyMap<string, string>>((text, fault) => {
    const all = new Map<string, string>()
    for (const entry of text.split(/[\s,]+/).filter(Boolean)) {
      const [, pool = '', token = ''] = /^(?:([^:]*):)?(.*)$/s.exec(entry) ?? []
      for (const wrong of tokenFaults(token)) fault(wrong)
      if (all.has(pool))
        fault(`must have one token${pool === '' ? '' : ` for the pool "${pool}"`}, but has two`)
      all.set(pool, token)
    }
    if (all.has('') && all.size > 1) fault('must have one token, or one for each pool by its name')
    return all
  }, LIST_IN_FILE)
}
