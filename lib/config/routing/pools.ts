import * as v from 'valibot'
import { type Config, configOf, type PoolConfig } from '../config.js'
import { type PoolConflicts, poolConflicts } from '../conflicts.js'
import { spelled, variablesOf } from '../file/config-file.js'
import { DEFAULT_COOKIE } from '../file/groups.js'
import type { Faults, Item } from '../file/item.js'
import { type GivenSettings, readSettings } from '../file/settings.js'
import type { Wording } from '../file/wording.js'
import { OF_ALL_POOLS, OF_ROUTES } from '../of-server.js'
import { schema, type Values, type VariableName } from '../schema.js'
import { described } from '../shapes/shape.js'
import { variablesNamedIn } from '../variable.js'
import { nameFault } from './texts.js'

/** What pools inherit, and where faults are told. */
export interface Inherited {
  readonly values: Values
  readonly tracing: Config['tracing']
  readonly faults: Faults
  readonly wording: Wording
  /** Tells a fault that begins with the name of a variable. */
  readonly report: (fault: string) => void
  /** For each pool, what it inherits and has no use for: a fault if none has. */
  readonly idle: (readonly string[])[]
}

/** A pool as the file has it. */
interface GivenPool {
  readonly name: string
  readonly item: Item
  /** Its name for people: `pools.web`. */
  readonly path: string
  readonly settings: GivenSettings
}

const NOT_OF_POOLS: ReadonlySet<VariableName> = new Set(OF_ALL_POOLS)

/**
 * The pools of the file, with what each inherits.
 * @param others how many pools there are beside these
 */
export function readPools(item: Item, others: number, inherited: Inherited): PoolConfig[] {
  const { faults } = inherited
  if (item.kind !== 'map' || item.entries.size === 0) {
    const what = item.kind === 'map' ? 'is empty' : described(item)
    faults.add(item.at, `pools must be a map of pools by their names, but ${what}`)
    return []
  }
  const given: GivenPool[] = []
  for (const [name, entry] of item.entries) {
    const pool = readPool(name, entry.at, entry.item, inherited)
    if (pool) given.push(pool)
  }
  const isOneOfMany = item.entries.size + others > 1
  return given.map((pool) => poolOf(pool, isOneOfMany, inherited))
}

function readPool(
  name: string,
  at: number,
  item: Item,
  { wording, faults }: Inherited
): GivenPool | undefined {
  const path = `pools.${name}`
  const wrong = nameFault(name)
  if (wrong !== undefined) faults.add(at, `${path} ${wrong}`)
  if (item.kind !== 'map') {
    faults.add(item.at, `${path} must be a map of settings, such as backends, but ${described(item)}`)
    return undefined
  }
  const all = readSettings(item, `${path}.`, () => false, wording, faults)
  for (const [variable, setting] of all)
    if (NOT_OF_POOLS.has(variable)) {
      const ofRoute = OF_ROUTES.get(variable)
      const place = ofRoute === undefined ? wording.top : `${wording.top}, or ${ofRoute} of a route`
      faults.add(setting.at, `${setting.path} is not for a pool to have: write it ${place}`)
    }
  if (!all.has('LB_BACKENDS')) faults.add(at, `${path} must have backends`)
  const settings = new Map([...all].filter(([variable]) => !NOT_OF_POOLS.has(variable)))
  return { name, item, path, settings }
}

function poolOf(pool: GivenPool, isOneOfMany: boolean, inherited: Inherited): PoolConfig {
  const { tracing, faults } = inherited
  const before = faults.count
  const values = valuesOf(pool, isOneOfMany, inherited)
  // What stands in the place of a wrong value is not to be complained of.
  const isWhole = faults.count === before && pool.settings.get('LB_BACKENDS')?.text !== undefined
  if (isWhole) tellConflicts(pool, poolConflicts(values), inherited)
  else inherited.idle.push([])
  return { name: pool.name, config: configOf(values, { pool: pool.name, tracing, routing: undefined }) }
}

/** The values of a pool: its own, and as their prototype those that it inherits, as there may be hundreds of pools. */
function valuesOf(
  { name, settings }: GivenPool,
  isOneOfMany: boolean,
  { values, faults }: Inherited
): Values {
  const own: Record<string, unknown> = {}
  for (const [variable, text] of Object.entries(variablesOf(settings))) {
    const { path, at } = settings.get(variable as VariableName)!
    const result = v.safeParse(schema.entries[variable as VariableName], text)
    for (const { message } of result.issues ?? []) faults.add(at, `${path} ${message}`)
    if (result.success) own[variable] = result.output
  }
  const whole: Values = Object.assign(Object.create(values), own)
  whole.LB_STICKY_COOKIE = cookieOf(name, whole, values.LB_STICKY_COOKIE, settings, isOneOfMany)
  return whole
}

/** The name of the cookie: its own; or, where it is not said, one with the pool's name in it if there are several. */
function cookieOf(
  name: string,
  { LB_STICKY_COOKIE: cookie }: Values,
  inherited: string,
  settings: GivenSettings,
  isOneOfMany: boolean
): string {
  const own = settings.get('LB_STICKY_COOKIE')
  if (cookie === '' || (own && !own.isImplied)) return cookie
  const base = inherited || DEFAULT_COOKIE
  return isOneOfMany ? `${base}-${name}` : base
}

/** A certificate and its key are wrong together. */
const PAIR: readonly string[] = ['LB_BACKEND_CERT', 'LB_BACKEND_KEY']

/** Conflicts that the settings of the pool have a part in are told of it, all others of what it inherits. */
function tellConflicts(
  { path, item, settings }: GivenPool,
  { broken, idle }: PoolConflicts,
  inherited: Inherited
) {
  const tell = (fault: string) => {
    const [subject] = variablesNamedIn(fault)
    const setting = settings.get(subject as VariableName)
    const message = spelled(fault, settings, inherited.wording)
    inherited.faults.add(setting?.at ?? item.at, setting ? message : `${path}: ${message}`)
  }
  const isOwn = (name: string) => settings.has(name as VariableName)
  for (const fault of broken) {
    const names = variablesNamedIn(fault)
    const isOfPair = PAIR.includes(names[0] ?? '') && PAIR.some(isOwn)
    if (names.some(isOwn) || isOfPair) tell(fault)
    else inherited.report(fault)
  }
  const isOwnFault = (fault: string) => isOwn(variablesNamedIn(fault)[0] ?? '')
  for (const fault of idle.filter(isOwnFault)) tell(fault)
  inherited.idle.push(idle.filter((fault) => !isOwnFault(fault)))
}
