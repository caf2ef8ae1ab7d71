import { describeVariables, type VariableName } from '../schema.js'
import { keyOf } from '../variable.js'

/** A group that has a switch: what is written for it in the file, and the variable that it stands for. */
interface Switch {
  readonly name: VariableName
  /** The value of the variable for `true`, and for `false`. */
  readonly on: string
  readonly off: string
}

/** The cookie's name where sessions are switched on without one. */
export const DEFAULT_COOKIE = 'lb'

/** The names of settings in the file. */
export interface SettingNames {
  /** By key, such as `health-check-period`. */
  readonly variables: ReadonlyMap<string, VariableName>
  /** First words that several settings share, such as `health-check`: a map under one holds the rest of the words. */
  readonly groups: ReadonlySet<string>
  /** What is switched on and off by its name: `health-check: false` for `no-health-check: true`. */
  readonly switches: ReadonlyMap<string, Switch>
}

let names: SettingNames | undefined

/** The names of settings in the file; made when they are first asked for. */
export function settingNames(): SettingNames {
  names ??= makeNames()
  return names
}

function makeNames(): SettingNames {
  const variables = new Map(describeVariables().map(({ name }) => [keyOf(name), name]))
  variables.delete('config')
  const keys = [...variables.keys()]
  const switches = new Map<string, Switch>([
    ['sticky', { name: 'LB_STICKY_COOKIE', on: DEFAULT_COOKIE, off: '' }]
  ])
  for (const [key, name] of variables)
    if (key.startsWith('no-')) switches.set(key.slice('no-'.length), { name, on: 'false', off: 'true' })
  return { variables, groups: groupsOf(keys.filter((key) => !key.startsWith('no-'))), switches }
}

/** Words that at least two keys begin with, unless all of these share one more. */
function groupsOf(keys: readonly string[]): Set<string> {
  const members = new Map<string, string[]>()
  for (const key of keys)
    for (let end = key.indexOf('-'); end !== -1; end = key.indexOf('-', end + 1)) {
      const group = key.slice(0, end)
      members.set(group, [...(members.get(group) ?? []), key])
    }
  const isNarrower = (group: string, other: string) =>
    other.startsWith(`${group}-`) && members.get(other)!.length === members.get(group)!.length
  const groups = [...members.keys()].filter((group) => members.get(group)!.length > 1)
  return new Set(groups.filter((group) => !groups.some((other) => isNarrower(group, other))))
}
