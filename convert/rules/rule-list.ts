import { type Conditions, foldedBeginning } from './conditions.js'
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

  /**
   * Rules that may take requests which meet conditions, by hosts or by paths: none is missing, but some may be too many.
   * In no order, as there may be thousands of them, of which few matter.
   */
  near(when: Conditions): Placed[] {
    const [byHost, byPath] = [this.#byHost.near(when), this.#byPath.near(when)]
    const sizeOf = (sets: readonly Set<Placed>[]) => sets.reduce((sum, { size }) => sum + size, 0)
    const sets = sizeOf(byHost) < sizeOf(byPath) ? byHost : byPath
    if (sets.length === 1) return [...sets[0]!]
    const found = new Set<Placed>()
    for (const set of sets) for (const placed of set) found.add(placed)
    return [...found]
  }

  #add(placed: Placed): void {
    for (const index of [this.#all, this.#byHost, this.#byPath]) index.add(placed)
  }
}

/** For `sort()`: the first comes first. */
export const byPlace = (a: Placed, b: Placed) => a.place - b.place

/** Rules by texts, two of which may only fit the same if one begins with the other. */
class BeginningIndex {
  readonly #textsOf: (when: Conditions) => readonly string[]
  readonly #having = new Map<string, Set<Placed>>()
  /** Sorted, so that those that begin with a text stand together. */
  readonly #texts: string[] = []

  constructor(textsOf: (when: Conditions) => readonly string[]) {
    this.#textsOf = textsOf
  }

  add(placed: Placed): void {
    for (const text of this.#textsOf(placed.rule.when)) this.#at(text).add(placed)
  }

  delete(placed: Placed): void {
    for (const text of this.#textsOf(placed.rule.when)) this.#at(text).delete(placed)
  }

  near(when: Conditions): Set<Placed>[] {
    const found: Set<Placed>[] = []
    const take = (text: string) => {
      const set = this.#having.get(text)
      if (set && set.size > 0) found.push(set)
    }
    for (const text of this.#textsOf(when)) {
      for (let length = 0; length < text.length; length++) take(text.slice(0, length))
      for (let index = this.#indexOf(text); this.#texts[index]?.startsWith(text); index++)
        take(this.#texts[index]!)
    }
    return found
  }

  #at(text: string): Set<Placed> {
    let set = this.#having.get(text)
    if (!set) {
      set = new Set()
      this.#having.set(text, set)
      this.#texts.splice(this.#indexOf(text), 0, text)
    }
    return set
  }

  /** Of the first text that is not before this one. */
  #indexOf(text: string): number {
    let from = 0
    let to = this.#texts.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if (this.#texts[middle]! < text) from = middle + 1
      else to = middle
    }
    return from
  }
}

const pathsOf = ({ paths }: Conditions) => (paths.length > 0 ? paths.map(foldedBeginning) : [''])

/** Hosts from their ends, so that a suffix is a beginning. */
const hostsOf = ({ hosts }: Conditions) =>
  hosts.length > 0 ? hosts.map((host) => [...host.replace(/^\*/, '')].reverse().join('')) : ['']
