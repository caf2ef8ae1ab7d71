import { beginning, type Conditions } from './conditions.js'
import type { Rule } from './rule.js'

/** A rule, and its place among others: the smaller comes first. */
export interface Placed {
  readonly rule: Rule
  readonly place: number
}

/** Rules in their order, of which those that may take the same requests as another are found without a look at all. */
export class RuleList {
  readonly #all = new Set<Placed>()
  readonly #byHost = new BeginningIndex(hostsOf)
  readonly #byPath = new BeginningIndex(pathsOf)
  #first = 0
  #end = 0

  constructor(rules: readonly Rule[] = []) {
    for (const rule of rules) this.append(rule)
  }

  get placed(): Placed[] {
    return [...this.#all].sort(byPlace)
  }

  get rules(): Rule[] {
    return this.placed.map(({ rule }) => rule)
  }

  append(rule: Rule): void {
    this.#add({ rule, place: this.#end++ })
  }

  prepend(rules: readonly Rule[]): void {
    for (const rule of rules.toReversed()) this.#add({ rule, place: --this.#first })
  }

  /** Puts another rule, or none, into the place of one. */
  replace(placed: Placed, rule: Rule | undefined): void {
    if (rule === placed.rule) return
    for (const index of [this.#all, this.#byHost, this.#byPath]) index.delete(placed)
    if (rule) this.#add({ rule, place: placed.place })
  }

  /** Rules that may take requests which meet conditions, by hosts or by paths: none is missing, but some may be too many. */
  near(when: Conditions): Placed[] {
    const [byHost, byPath] = [this.#byHost.near(when), this.#byPath.near(when)]
    const sizeOf = (sets: readonly Set<Placed>[]) => sets.reduce((sum, { size }) => sum + size, 0)
    const sets = sizeOf(byHost) < sizeOf(byPath) ? byHost : byPath
    return [...new Set(sets.flatMap((set) => [...set]))].sort(byPlace)
  }

  #add(placed: Placed): void {
    for (const index of [this.#all, this.#byHost, this.#byPath]) index.add(placed)
  }
}

const byPlace = (a: Placed, b: Placed) => a.place - b.place

/** Rules by texts, two of which may only fit the same if one begins with the other. */
class BeginningIndex {
  readonly #textsOf: (when: Conditions) => readonly string[]
  /** Those that have a text, and those whose text begins with one. */
  readonly #having = new Map<string, Set<Placed>>()
  readonly #below = new Map<string, Set<Placed>>()

  constructor(textsOf: (when: Conditions) => readonly string[]) {
    this.#textsOf = textsOf
  }

  add(placed: Placed): void {
    for (const set of this.#setsOf(placed)) set.add(placed)
  }

  delete(placed: Placed): void {
    for (const set of this.#setsOf(placed)) set.delete(placed)
  }

  near(when: Conditions): Set<Placed>[] {
    return this.#textsOf(when).flatMap((text) => {
      const shorter = beginningsOf(text).map((start) => this.#having.get(start))
      return [this.#below.get(text), ...shorter].filter((set) => set !== undefined)
    })
  }

  #setsOf({ rule }: Placed): Set<Placed>[] {
    return this.#textsOf(rule.when).flatMap((text) => [
      setAt(this.#having, text),
      ...[text, ...beginningsOf(text)].map((start) => setAt(this.#below, start))
    ])
  }
}

/** All that a text begins with, but for itself. */
const beginningsOf = (text: string) =>
  Array.from({ length: text.length }, (_, length) => text.slice(0, length))

function setAt(map: Map<string, Set<Placed>>, text: string): Set<Placed> {
  const set = map.get(text) ?? new Set()
  map.set(text, set)
  return set
}

const pathsOf = ({ paths }: Conditions) => (paths.length > 0 ? paths.map(beginning) : [''])

/** Hosts from their ends, so that a suffix is a beginning. */
const hostsOf = ({ hosts }: Conditions) =>
  hosts.length > 0 ? hosts.map((host) => [...host.replace(/^\*/, '')].reverse().join('')) : ['']
