import type { Override } from '../../discovery/member.js'
import type { BackendConfig } from '../../pool/spec/backend-spec.js'
import type { BackendSpec } from '../../pool/spec/json-spec.js'

/** An operator's orders for a backend, beside its options. */
export interface Orders {
  readonly draining?: boolean
  /** A health that overrides the checks, or `auto` for theirs. */
  readonly health?: 'healthy' | 'unhealthy' | 'auto'
}

/** A backend as it is stored: its options and orders. */
export type StoredBackend = BackendSpec & Orders

/** What is stored of a backend that another source tells of: by address, what an operator has said of it. */
export type StoredOrders = Orders & Pick<Override, 'weight' | 'max' | 'backup'> & { readonly address: string }

/** What a state file keeps. */
export interface StoredList {
  readonly backends: readonly StoredBackend[]
  readonly orders: readonly StoredOrders[]
}

/** What is configured: backends, and by their names the sources of more. */
export interface Configured {
  readonly backends: readonly BackendConfig[]
  readonly sources: readonly { readonly name: string }[]
}

/** Options of a backend to change, by name; null removes one. */
export type BackendOptions = Readonly<Record<string, string | number | boolean | null | undefined>>

/** Options that an operator may set of a backend that another source tells of. */
const OF_ANY_SOURCE: ReadonlySet<string> = new Set(['weight', 'max', 'backup'])

export const isForAnySource = (option: string) => OF_ANY_SOURCE.has(option)

/** Those of the options given that any source's backend may have: undefined for one that is removed. */
export function optionsIn({ weight, max, backup }: BackendConfig, options: BackendOptions): Override {
  const all = Object.entries({ weight, max, backup }).filter(([name]) => options[name] !== undefined)
  return Object.fromEntries(all.map(([name, value]) => [name, options[name] === null ? undefined : value]))
}

/** Without what has no effect. */
export const withoutNone = (override: Override = {}) =>
  Object.fromEntries(Object.entries(override).filter(([, value]) => value !== undefined && value !== false))

export function ordersOf(override: Override | undefined): Orders {
  const { isDraining, health } = override ?? {}
  return { ...(isDraining ? { draining: true } : {}), ...(health === undefined ? {} : { health }) }
}

export function overrideOf({ draining = false, health = 'auto' }: Orders): Override {
  return { isDraining: draining, ...(health === 'auto' ? {} : { health }) }
}

export const definedOf = (options: object) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
