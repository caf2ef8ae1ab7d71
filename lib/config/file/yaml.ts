import type * as Yaml from 'js-yaml'
import type { Entry, Faults, Item } from './item.js'

type NodeEvent = Yaml.Event & { anchorStart: number; anchorEnd: number }

const STRING_TAGS = new Set(['!', '!!str', '!<tag:yaml.org,2002:str>'])

/**
 * Reads a document in YAML 1.2 (JSON is that too), with aliases and merge keys resolved. Undefined for an empty one.
 * Calls `faults` for what is wrong, at the latest for a syntax error, after which nothing is returned.
 */
export function readYaml(source: string, faults: Faults): Item | undefined {
  // Loaded only where a file is read.
  const yaml = require('js-yaml') as typeof Yaml
  try {
    return new Reader(yaml, source, yaml.parseEvents(source, {}), faults).document()
  } catch (error) {
    if (!(error instanceof yaml.YAMLException)) throw error
    faults.add(error.mark?.position ?? 0, `is not valid YAML: ${error.reason}`)
    return undefined
  }
}

/** Makes values of the events that a parser has found in a text. */
class Reader {
  readonly #yaml: typeof Yaml
  readonly #source: string
  readonly #events: readonly Yaml.Event[]
  readonly #faults: Faults
  /** By name; undefined while the value is still being read. */
  readonly #anchors = new Map<string, Item | undefined>()
  #next = 0
  /** How far the text has been read. */
  #reached = 0

  constructor(yaml: typeof Yaml, source: string, events: readonly Yaml.Event[], faults: Faults) {
    this.#yaml = yaml
    this.#source = source
    this.#events = events
    this.#faults = faults
  }

  document(): Item | undefined {
    const { DOCUMENT, POP } = this.#yaml.EVENT_ID
    if (this.#events.length === 0) return undefined
    this.#next++
    if (this.#isNext(POP)) return undefined
    const item = this.#item()
    this.#next++
    if (this.#isNext(DOCUMENT))
      this.#faults.add(this.#source.length, 'must hold one document, without "---" inside')
    return item
  }

  #isNext(type: Yaml.EventId): boolean {
    return this.#events[this.#next]?.type === type
  }

  #item(): Item {
    const event = this.#events[this.#next++] as NodeEvent
    const { SCALAR, SEQUENCE, ALIAS } = this.#yaml.EVENT_ID
    if (event.type === ALIAS) return this.#aliased(event)
    const anchor = event.anchorStart < 0 ? undefined : this.#source.slice(event.anchorStart, event.anchorEnd)
    if (anchor !== undefined) this.#anchors.set(anchor, undefined)
    const item =
      event.type === SCALAR
        ? this.#scalar(event)
        : event.type === SEQUENCE
          ? this.#list(event)
          : this.#map(event as Yaml.MappingEvent)
    if (anchor !== undefined) this.#anchors.set(anchor, item)
    return item
  }

  #aliased({ anchorStart, anchorEnd }: Yaml.AliasEvent): Item {
    const name = this.#source.slice(anchorStart, anchorEnd)
    const item = this.#anchors.get(name)
    if (item) return item
    const why = this.#anchors.has(name) ? 'stands inside of what it names' : 'has no anchor before it'
    this.#faults.addAlone(anchorStart - 1, `*${name} ${why}`)
    return { kind: 'scalar', at: anchorStart - 1, value: null, text: '' }
  }

  #scalar(event: Yaml.ScalarEvent): Item {
    const { PLAIN, SINGLE_QUOTED, DOUBLE_QUOTED } = this.#yaml.SCALAR_STYLE
    const text = this.#yaml.getScalarValue(this.#source, event)
    const isQuoted = event.style === SINGLE_QUOTED || event.style === DOUBLE_QUOTED
    // An absent value stands where what precedes it ends.
    const at = event.valueStart < 0 ? this.#reached : event.valueStart - (isQuoted ? 1 : 0)
    this.#reached = Math.max(this.#reached, event.valueEnd)
    const isText = this.#tagOf(event) !== undefined || event.style !== PLAIN
    return { kind: 'scalar', at, value: isText ? text : this.#valueOf(text), text }
  }

  #valueOf(text: string): string | number | boolean | null {
    const { NOT_RESOLVED, nullCoreTag, boolCoreTag, intCoreTag, floatCoreTag } = this.#yaml
    for (const tag of [nullCoreTag, boolCoreTag, intCoreTag, floatCoreTag]) {
      const value = tag.resolve(text, false, tag.tagName)
      if (value !== NOT_RESOLVED) return value as number | boolean | null
    }
    return text
  }

  /** The tag of a value, which can only say that it is a text. */
  #tagOf({ tagStart, tagEnd }: { readonly tagStart: number; readonly tagEnd: number }): string | undefined {
    if (tagStart < 0) return undefined
    const tag = this.#source.slice(tagStart, tagEnd)
    if (!STRING_TAGS.has(tag)) this.#faults.add(tagStart, `${tag} is a tag of YAML that means nothing here`)
    return tag
  }

  #list(event: Yaml.SequenceEvent): Item {
    this.#tagOf(event)
    this.#reached = event.start
    const items: Item[] = []
    while (!this.#isNext(this.#yaml.EVENT_ID.POP)) items.push(this.#item())
    this.#next++
    return { kind: 'list', at: event.start, items }
  }

  #map(event: Yaml.MappingEvent): Item {
    this.#tagOf(event)
    this.#reached = event.start
    const entries = new Map<string, Entry>()
    const merged: Item[] = []
    while (!this.#isNext(this.#yaml.EVENT_ID.POP)) {
      const key = this.#item()
      const item = this.#item()
      if (key.kind !== 'scalar') this.#faults.add(key.at, 'a key must be a text')
      else if (key.text === '<<' && key.value === '<<') merged.push(item)
      else if (entries.has(key.text)) this.#faults.add(key.at, `${key.text} is given twice`)
      else entries.set(key.text, { at: key.at, item })
    }
    this.#next++
    for (const item of merged.flatMap((each) => (each.kind === 'list' ? each.items : [each]))) {
      if (item.kind !== 'map')
        this.#faults.add(item.at, '<< must name a map, such as *name, or a list of those')
      else for (const [key, entry] of item.entries) if (!entries.has(key)) entries.set(key, entry)
    }
    return { kind: 'map', at: event.start, entries }
  }
}
