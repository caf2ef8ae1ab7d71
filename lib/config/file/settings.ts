import type { VariableName } from '../schema.js'
import { suggestion } from '../suggestion.js'
import { settingNames } from './groups.js'
import { type Entry, type Faults, type Item, type MapItem, plainOf } from './item.js'
import { textOf } from './settings-text.js'
import type { Wording } from './wording.js'

/** A setting as the file has it. */
export interface GivenSetting {
  /** Its name for people, such as `pools.web.health-check.url`. */
  readonly path: string
  readonly at: number
  /** As the text of its variable; undefined after a fault. */
  readonly text: string | undefined
  /** Whether it is not said, but follows from a switch or a map. */
  readonly isImplied?: boolean
}

export type GivenSettings = ReadonlyMap<VariableName, GivenSetting>

/**
 * The settings of a map, by their variables. A map under a key `x` holds settings `x-…`; `x: false` switches off what has
 * a setting `no-x`, and `x: true` or a map switches it on.
 * @param prefix of the names for people
 * @param others keys that are not settings
 */
export function readSettings(
  { entries }: MapItem,
  prefix: string,
  others: (key: string) => boolean,
  wording: Wording,
  faults: Faults
): GivenSettings {
  const reader = new SettingsReader(prefix, wording, faults)
  for (const [key, entry] of entries) if (!others(key)) reader.read(key, entry)
  return reader.all()
}

class SettingsReader {
  readonly #given = new Map<VariableName, GivenSetting>()
  /** What maps switch on, unless it is said otherwise. */
  readonly #implied = new Map<VariableName, GivenSetting>()
  readonly #prefix: string
  readonly #wording: Wording
  readonly #faults: Faults
  readonly #names = settingNames()

  constructor(prefix: string, wording: Wording, faults: Faults) {
    this.#prefix = prefix
    this.#wording = wording
    this.#faults = faults
  }

  all(): GivenSettings {
    return new Map([...this.#implied, ...this.#given])
  }

  read(given: string, { at, item }: Entry): void {
    const path = `${this.#prefix}${given}`
    const key = this.#wording.keyOf(given)
    const { variables, groups, switches } = this.#names
    const toggle = switches.get(key)
    const name = variables.get(key)
    if (item.kind === 'map' && groups.has(key)) {
      for (const [rest, entry] of item.entries) this.#readMember(key, path, rest, entry)
      if (toggle) this.#implied.set(toggle.name, { path, at, text: toggle.on, isImplied: true })
    } else if (name !== undefined) {
      this.#set(name, path, item)
    } else if (toggle && item.kind === 'scalar' && typeof item.value === 'boolean') {
      this.#add(toggle.name, { path, at, text: item.value ? toggle.on : toggle.off, isImplied: item.value })
    } else if (toggle || groups.has(key)) {
      const wanted = [...(toggle ? ['true', 'false'] : []), ...(groups.has(key) ? ['a map of settings'] : [])]
      this.#faults.add(item.at, `${path} must be ${wanted.join(' or ')}`)
    } else {
      const known = [...variables.keys(), ...groups, 'pools', 'routes']
      this.#faults.add(at, `${path} is not a known setting${suggestion(key, known)}`)
    }
  }

  /** @param pathOfGroup its name for people */
  #readMember(group: string, pathOfGroup: string, given: string, { at, item }: Entry): void {
    const { variables } = this.#names
    const rest = this.#wording.keyOf(given)
    const name = variables.get(`${group}-${rest}`)
    const path = `${pathOfGroup}.${given}`
    if (name !== undefined) {
      this.#set(name, path, item)
      return
    }
    const known = [...variables.keys()].filter((key) => key.startsWith(`${group}-`))
    const rests = known.map((key) => key.slice(group.length + 1))
    this.#faults.add(at, `${path} is not a known setting${suggestion(rest, rests)}`)
  }

  #set(name: VariableName, path: string, item: Item): void {
    const text = textOf(name, plainOf(item), (message) => this.#faults.add(item.at, `${path} ${message}`))
    this.#add(name, { path, at: item.at, text })
  }

  #add(name: VariableName, setting: GivenSetting): void {
    const other = this.#given.get(name)
    if (other) this.#faults.add(setting.at, `${setting.path} is given as ${other.path} as well`)
    else this.#given.set(name, setting)
  }
}
