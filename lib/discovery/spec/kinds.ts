import { dnsKind } from '../dns/kind.js'
import { fileKind } from '../file/kind.js'
import { kubernetesKind } from '../kubernetes/kind.js'
import type { DiscoveryOptions } from '../options.js'
import type { Source, SourceContext } from '../source.js'
import type { SourceKind, SourceSpec } from './source-spec.js'
import { readTemplate } from './template.js'

const KINDS: readonly SourceKind<unknown>[] = [dnsKind, fileKind, kubernetesKind]
const KIND_OF = new Map(KINDS.flatMap((kind) => kind.schemes.map((scheme) => [scheme, kind])))
const SOURCE = /^([a-z][a-z0-9+.-]*):\/\/([^;]*)(?:;(.*))?$/is

/** The schemes of all sources, for texts. */
export const SCHEMES = [...KIND_OF.keys()]

/** Whether an entry of `LB_BACKENDS` is a source of members, and not a backend. */
export const isSource = (entry: string) => KIND_OF.has(SOURCE.exec(entry)?.[1]?.toLowerCase() ?? '')

/** Parses a source of members: a URL, and options. Calls `fault` for each error. */
export function parseSource(entry: string, fault: (message: string) => void): SourceSpec | undefined {
  const [, written = '', place = '', options] = SOURCE.exec(entry) ?? []
  const scheme = written.toLowerCase()
  const kind = KIND_OF.get(scheme)
  if (!kind) return undefined
  const all = options === undefined ? [] : options.split(';')
  const own = new Map<string, string | undefined>()
  const ofMembers: string[] = []
  for (const option of all) {
    const [name = '', value] = option.split(/=(.*)/s)
    if (!kind.options.includes(name)) ofMembers.push(option)
    else if (own.has(name)) fault(`${name} is given twice`)
    else own.set(name, value)
  }
  const template = readTemplate(ofMembers, fault)
  const given = kind.read(place, own, fault, scheme)
  if (given === undefined) return undefined
  return { name: `${scheme}://${place}`, scheme, given, template }
}

/** What is wrong with a source where sources are asked so; undefined for nothing. */
export function sourceConflict({ scheme, given }: SourceSpec, options: DiscoveryOptions): string | undefined {
  return KIND_OF.get(scheme)!.conflict?.(given, options)
}

/** Creates the source that was configured. */
export function createSource({ scheme, given }: SourceSpec, context: SourceContext): Source {
  return KIND_OF.get(scheme)!.create(given, context)
}
