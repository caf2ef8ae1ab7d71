import type { BackendSpec } from '../pool/spec/json-spec.js'
import type { OF_ALL_POOLS, OF_SERVER } from './of-server.js'
import type { RouteSettings } from './routing/routes.js'
import type { Values, VariableName } from './schema.js'

type WithoutPrefix<Name> = Name extends `LB_${infer Rest}` ? Rest : Name
type Kebab<Name> = Name extends `${infer Word}_${infer Rest}`
  ? `${Lowercase<Word>}-${Kebab<Rest>}`
  : Lowercase<Name & string>
type Camel<Name> = Name extends `${infer Word}_${infer Rest}`
  ? `${Lowercase<Word>}${Capitalize<Camel<Rest>>}`
  : Lowercase<Name & string>

/** The type of an option for the type of its parsed value; a list may also be one text, as in a variable. */
type Given<Value> = [Value] extends [boolean]
  ? boolean
  : [Value] extends [number]
    ? number
    : [Value] extends [string]
      ? Value
      : string | number | readonly (string | number)[]

type GivenFor<Name extends VariableName> = Name extends 'LB_BACKENDS'
  ? string | readonly (string | BackendSpec)[]
  : Given<Values[Name]>

/** Settings as a program passes them, named as in the file of `LB_CONFIG`, or the same in camel case. */
type OptionsFor<Names extends VariableName> = {
  [Name in Names as Camel<WithoutPrefix<Name>>]?: GivenFor<Name> | undefined
} & {
  [Name in Names as Kebab<WithoutPrefix<Name>>]?: GivenFor<Name> | undefined
}

/** First words that several settings share, as the file has them in a map. */
export const GROUPS = [
  'MAX',
  'TLS',
  'HTTPS',
  'BACKEND',
  'HTTP2',
  'STICKY',
  'HEALTH_CHECK',
  'RETRY',
  'QUEUE',
  'REQUEST',
  'ACCESS',
  'ACCESS_LOG',
  'ADMIN',
  'REGISTER'
] as const
/** What is switched on and off by its name: for most by a setting that begins with `no-`. */
export const SWITCHES = ['STICKY', 'HTTP2', 'HEALTH_CHECK', 'EJECTION'] as const

type Words = (typeof GROUPS | typeof SWITCHES)[number]
type Rest<Name, First extends Words> = Name extends `LB_${First}_${infer Others}` ? Others : never
/** What may stand for a group of these settings: those of it by the rest of their names, or whether it is on. */
type GroupOf<Names extends VariableName, First extends Words> =
  | (First extends (typeof GROUPS)[number]
      ? {
          [Name in Names as Camel<Rest<Name, First>>]?: GivenFor<Name> | undefined
        } & {
          [Name in Names as Kebab<Rest<Name, First>>]?: GivenFor<Name> | undefined
        }
      : never)
  | (First extends (typeof SWITCHES)[number] ? boolean : never)
  | (`LB_${First}` extends Names ? GivenFor<`LB_${First}` & Names> : never)
/** Groups of which some of these settings are. */
type WordsIn<Names extends VariableName> = {
  [First in Words]: First extends 'EJECTION' ? First : [Rest<Names, First>] extends [never] ? never : First
}[Words]
type AsInFile<Names extends VariableName> = OptionsFor<Exclude<Names, `LB_${Words}`>> & {
  [First in WordsIn<Names> as Camel<First>]?: GroupOf<Names, First> | undefined
} & {
  [First in WordsIn<Names> as Kebab<First>]?: GroupOf<Names, First> | undefined
}

type OfServer = (typeof OF_SERVER)[number]
/** Settings that a program passes in another way. */
type OfProgram = 'PORT' | 'LB_CONFIG' | 'LB_THREADS' | 'LB_UPGRADE_DRAIN_TIMEOUT' | 'LB_PID_FILE'

type OfBalancer = Exclude<VariableName, OfProgram>
type OfPool = Exclude<VariableName, (typeof OF_ALL_POOLS)[number]>

/** A pool of several, as in the file: its `backends`, and what it has of its own. */
export type PoolSettings = AsInFile<OfPool>
export type { RouteSettings }

/** Pools and routes, in the words of the file. */
export interface RoutingOptions {
  /** Pools of backends, by their names. */
  readonly pools?: Readonly<Record<string, PoolSettings>> | undefined
  /** Which requests go to which pool. Several pools need them. */
  readonly routes?: readonly RouteSettings[] | undefined
}

/** Options of `createLoadBalancer`. */
export type LoadBalancerOptions = AsInFile<OfBalancer> & RoutingOptions
/** Options of a pool in an application's server. */
export type PoolOptions = AsInFile<Exclude<VariableName, OfProgram | OfServer>>
