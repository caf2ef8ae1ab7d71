import { isEditableInRequest, isEditableInResponse } from '../../lib/routing/filters/field-edits.js'
import type { FieldChanges, RouteSettings } from './rule.js'

/** One change of a field. */
export interface FieldChange {
  readonly kind: 'set' | 'add' | 'remove'
  readonly name: string
  readonly value: string
}

const NAME = /^[!#$%&'*+\-.^_`|~\w]{1,63}$/

/** Why a route cannot change a field; undefined if it can. */
export function whyNotChanged(name: string, of: 'request' | 'response'): string | undefined {
  if (!NAME.test(name)) return 'it is no name of a field'
  const isEditable = of === 'request' ? isEditableInRequest(name) : isEditableInResponse(name)
  return isEditable ? undefined : 'it is a field that the balancer alone can set'
}

/** Settings with a change of a field in front of those that they have, which apply after it. */
export function withFieldBefore(
  does: RouteSettings,
  key: 'request-headers' | 'response-headers',
  { kind, name, value }: FieldChange
): RouteSettings {
  const { remove = [], set = {}, add = {} }: FieldChanges = does[key] ?? {}
  const has = (names: Iterable<string>) =>
    [...names].some((other) => other.toLowerCase() === name.toLowerCase())
  // What a later change says of the same field stands.
  if (has(Object.keys(set)) || has(remove)) return does
  const before = Object.entries(add).find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1]
  const changes: FieldChanges = {
    ...((remove.length > 0 || kind === 'remove') && {
      remove: kind === 'remove' ? [name, ...remove] : remove
    }),
    ...((Object.keys(set).length > 0 || kind === 'set') && {
      set: kind === 'set' ? { [name]: value, ...set } : set
    }),
    ...((Object.keys(add).length > 0 || kind === 'add') && {
      add: kind === 'add' ? { ...add, [name]: before === undefined ? value : [value, before].flat() } : add
    })
  }
  return { ...does, [key]: changes }
}
