import { readFileSync } from 'node:fs'
import type { VariableName } from '../schema.js'
import { variablesNamedIn, withNames } from '../variable.js'
import type { Item, MapItem } from './item.js'
import { FileFaults, type OrderedFaults } from './place.js'
import { type GivenSettings, readSettings } from './settings.js'
import { OF_FILE, type Wording } from './wording.js'
import { readYaml } from './yaml.js'

/** The file of `LB_CONFIG`, or what a program gives in its place. */
export class ConfigFile {
  /** Undefined where it has none. */
  readonly pools: Item | undefined
  readonly routes: Item | undefined
  readonly faults: OrderedFaults
  readonly wording: Wording
  /** Undefined where a program gives it. */
  readonly text: string | undefined
  /** The settings that stand at its top. */
  readonly #settings: GivenSettings

  constructor(
    { entries }: MapItem,
    settings: GivenSettings,
    faults: OrderedFaults,
    wording: Wording,
    text?: string
  ) {
    this.text = text
    this.pools = entries.get('pools')?.item
    this.routes = entries.get('routes')?.item
    this.faults = faults
    this.wording = wording
    this.#settings = settings
  }

  /** The variables that its settings stand for. */
  get variables(): Record<string, string> {
    return variablesOf(this.#settings)
  }

  /**
   * Takes a fault that begins with the name of a variable, with the name and the place that it has in the file.
   * @returns false if it is not set in the file
   */
  take(fault: string): boolean {
    const [name] = variablesNamedIn(fault)
    const setting = this.#settings.get(name as VariableName)
    if (setting) this.faults.add(setting.at, spelled(fault, this.#settings, this.wording))
    return setting !== undefined
  }
}

/** A message with the names that settings have in the file. */
export function spelled(message: string, settings: GivenSettings, { nameOf }: Wording): string {
  return withNames(message, (name) => settings.get(name as VariableName)?.path ?? nameOf(name))
}

/** The variables that settings stand for. */
export function variablesOf(settings: GivenSettings): Record<string, string> {
  const variables: Record<string, string> = {}
  for (const [name, { text }] of settings) if (text !== undefined) variables[name] = text
  return variables
}

/** Keys for what anchors stand at, as in files of Docker's Compose. */
const isFree = (key: string) => key.startsWith('x-')

/**
 * Reads a file in YAML or JSON; undefined if it cannot be read, of which `tell` is told.
 * @param text its content, if it was read already
 */
export function readConfigFile(
  file: string,
  tell: (fault: string) => void,
  text = contentOf(file, tell)
): ConfigFile | undefined {
  if (text === undefined) return undefined
  const faults = new FileFaults(file, text)
  const content = readYaml(text, faults)
  if (content?.kind !== 'map' && faults.count === 0)
    faults.add(content?.at ?? 0, 'it must have a setting a line, such as "backends: [127.0.0.1:8080]"')
  const map: MapItem = content?.kind === 'map' ? content : { kind: 'map', at: 0, entries: new Map() }
  const isOther = (key: string) => key === 'pools' || key === 'routes' || isFree(key)
  return new ConfigFile(map, readSettings(map, '', isOther, OF_FILE, faults), faults, OF_FILE, text)
}

function contentOf(file: string, tell: (fault: string) => void): string | undefined {
  try {
    // Windows' editors put a byte order mark before the text.
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '')
  } catch (error) {
    tell(`LB_CONFIG: ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
    return undefined
  }
}
