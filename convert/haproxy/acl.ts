import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Findings, Place } from '../findings.js'
import { ANY, and, type Conditions } from '../rules/conditions.js'
import type { Alternative } from '../rules/program.js'
import { type Answer, answerOf, type Method, predefined, type Test, type Where } from './fetch.js'
import type { Line } from './parse.js'

/** Why a condition is not understood. */
export interface Unclear {
  readonly why: string
}

/** When a statement applies: under one of these, always (one without conditions), or never (none). */
export type When = readonly Alternative[] | Unclear

export const isUnclear = (when: When): when is Unclear => 'why' in when

/** Names of fetches, and what they are short for. */
const SHORT: Readonly<Record<string, string>> = {
  'req.hdr': 'hdr',
  'req.fhdr': 'hdr',
  fhdr: 'hdr',
  hdr: 'hdr',
  'req.hdr_cnt': 'hdr_cnt',
  hdr_cnt: 'hdr_cnt',
  'req.cook': 'cook',
  cook: 'cook',
  url_param: 'url_param',
  urlp: 'url_param',
  url: 'url',
  base: 'base',
  path: 'path',
  method: 'method',
  src: 'src',
  ssl_fc: 'ssl_fc',
  dst_port: 'dst_port',
  always_true: 'always_true',
  always_false: 'always_false'
}
const SUFFIX = /_(beg|end|sub|dir|dom|reg|len)$/
/** Converters that change nothing of what is compared here: hosts are compared so anyway. */
const FOR_HOSTS = /^(?:,(?:lower|host_only|field\(1,\s*:\)))+$/

/** The ACLs of a section. */
export class Acls {
  readonly #named = new Map<string, Line[]>()
  readonly #where: Pick<Where, 'isTls' | 'port'>
  readonly #findings: Findings
  readonly #folder: string

  constructor(
    lines: readonly Line[],
    where: Pick<Where, 'isTls' | 'port'>,
    folder: string,
    findings: Findings
  ) {
    this.#where = where
    this.#findings = findings
    this.#folder = folder
    for (const line of lines)
      if (line.name === 'acl')
        this.#named.set(line.args[0]!, [...(this.#named.get(line.args[0]!) ?? []), line])
  }

  /** Reads what stands behind `if` or `unless`; without either, it is always so. */
  when(words: readonly string[], at: Place): When {
    const start = words.findIndex((word) => word === 'if' || word === 'unless')
    if (start === -1) return [{ all: ANY, none: [] }]
    const alternatives = this.#alternatives(words.slice(start + 1), at)
    if (isUnclear(alternatives) || words[start] === 'if') return alternatives
    return negated(alternatives)
  }

  #alternatives(words: readonly string[], at: Place): When {
    const found: Alternative[] = []
    for (const term of termsOf(words)) {
      let all: readonly Conditions[] = [ANY]
      const none: Conditions[] = []
      for (const { name, isNegated } of term) {
        const answer = this.#answerOf(name, at)
        if (answer === undefined) return { why: `no match of a route asks for "${name.join(' ')}"` }
        if (typeof answer === 'boolean') {
          if (answer === isNegated) all = []
        } else if (isNegated) none.push(...answer)
        else {
          const both = all.flatMap((one) => answer.map((other) => and(one, other)))
          if (both.includes('unknown')) return { why: 'its conditions cannot be asked for in one match' }
          all = both.filter((one) => typeof one === 'object')
        }
      }
      found.push(...all.map((one) => ({ all: one, none })))
    }
    return found
  }

  #answerOf(name: readonly string[], at: Place): Answer {
    if (name[0] === '{') return this.#test(name.slice(1, -1), at)
    const lines = this.#named.get(name[0]!)
    if (!lines) return predefined(name[0]!)
    const answers = lines.map((line) => this.#test(line.args.slice(1), line.at))
    if (answers.includes(true)) return true
    const known = answers.filter((answer) => answer !== false)
    if (known.includes(undefined)) return undefined
    return known.length === 0 ? false : merged(known.flatMap((answer) => answer as readonly Conditions[]))
  }

  #test([sample = '', ...words]: readonly string[], place: Place): Answer {
    const [, long = '', argument = '', converters = ''] =
      /^([\w.]+)(?:\(([^)]*)\))?(,.*)?$/.exec(sample) ?? []
    const [, short = long, suffix] = /^(.*?)(?:_(beg|end|sub|dir|dom|reg|len))?$/.exec(long) ?? []
    const fetch = SHORT[long] ?? (SUFFIX.test(long) ? SHORT[short] : undefined)
    const name = argument.replace(/,\s*-?\d+$/, '')
    if (
      fetch === undefined ||
      (converters !== '' && !(name.toLowerCase() === 'host' && FOR_HOSTS.test(converters)))
    )
      return undefined
    let method = (SHORT[long] === undefined ? suffix : undefined) as Method | undefined
    let ignoresCase = false
    let at = 0
    const fromFiles: string[] = []
    for (; words[at]?.startsWith('-'); at++) {
      const flag = words[at]
      if (flag === '-i') ignoresCase = true
      else if (flag === '-m') method = words[++at] as Method
      else if (flag === '-f') {
        const lines = this.#linesIn(words[++at] ?? '')
        if (!lines) return undefined
        fromFiles.push(...lines)
      } else if (flag === '--') {
        at++
        break
      } else if (flag !== '-n') return undefined
    }
    const values = [...words.slice(at), ...fromFiles]
    if (fetch === 'hdr_cnt' && !(values.join(' ') === 'gt 0' || values.join(' ') === 'ge 1')) return undefined
    const test: Test = { fetch, argument: name, method, ignoresCase, values }
    return answerOf(test, { ...this.#where, note: (what, why) => this.#findings.differs(place, what, why) })
  }

  #linesIn(file: string): string[] | undefined {
    try {
      return readFileSync(path.resolve(this.#folder, file), 'utf8')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('#'))
    } catch {
      return undefined
    }
  }
}

/** Alternatives that differ in one list only, as one. */
function merged(conditions: readonly Conditions[]): Conditions[] {
  const found: Conditions[] = []
  for (const one of conditions) {
    const at = found.findIndex(
      (other) => keysOf(other) === keysOf(one) && /^(?:hosts|paths|methods|clients)$/.test(keysOf(one))
    )
    if (at === -1) found.push(one)
    else {
      const key = keysOf(one) as 'hosts'
      found[at] = { ...ANY, [key]: [...found[at]![key], ...one[key]] }
    }
  }
  return found
}

const keysOf = (conditions: Conditions) =>
  Object.entries(conditions)
    .filter(([, list]) => list.length > 0)
    .map(([key]) => key)
    .join()

interface Name {
  readonly name: readonly string[]
  readonly isNegated: boolean
}

/** The names of ACLs, and the tests in braces, of which all of one list have to fit. */
function termsOf(words: readonly string[]): Name[][] {
  const terms: Name[][] = [[]]
  let isNegated = false
  for (let i = 0; i < words.length; i++) {
    let word = words[i]!
    if (word === '||' || word === 'or') {
      terms.push([])
      continue
    }
    while (word.startsWith('!')) {
      isNegated = !isNegated
      word = word.slice(1)
    }
    if (word === '') continue
    let name = [word]
    if (word === '{') {
      const end = words.indexOf('}', i)
      name = words.slice(i, end === -1 ? undefined : end + 1)
      name[0] = '{'
      i = end === -1 ? words.length : end
    }
    terms.at(-1)!.push({ name, isNegated })
    isNegated = false
  }
  return terms
}

/** What is so unless one of the alternatives is. */
function negated(alternatives: readonly Alternative[]): When {
  if (alternatives.some(({ none }) => none.length > 0))
    return alternatives.length === 1 && keysOf(alternatives[0]!.all) === ''
      ? // Unless not: if one of them is.
        alternatives[0]!.none.map((one) => ({ all: one, none: [] }))
      : { why: 'it is negated twice' }
  if (alternatives.some(({ all }) => keysOf(all) === '')) return []
  return [{ all: ANY, none: alternatives.map(({ all }) => all) }]
}
