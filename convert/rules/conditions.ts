import { apartFromFlag, escaped, literalPrefix, matches } from '../regexps.js'

/** A condition on a path as others have it. */
export type PathCondition =
  | { readonly kind: 'exact'; readonly path: string }
  /** The path, and all below it: by segments. */
  | { readonly kind: 'below'; readonly path: string }
  /** All that begins with this text, wherever a segment ends. */
  | { readonly kind: 'starts'; readonly text: string }
  /** In RE2's syntax; it matches anywhere unless it is anchored. */
  | { readonly kind: 'regexp'; readonly source: string }

/** What a text may be: this, anything as long as it is there, or what is matched. */
export type TextCondition = string | true | { readonly regexp: string }

/** A condition on a field or a query parameter, of which one has to fit. */
export interface NamedCondition {
  readonly name: string
  readonly anyOf: readonly TextCondition[]
}

/** What a request has to be. Of a list one has to fit, except that all of `headers` and `query` do; an empty one asks nothing. */
export interface Conditions {
  readonly hosts: readonly string[]
  readonly paths: readonly PathCondition[]
  readonly methods: readonly string[]
  readonly headers: readonly NamedCondition[]
  readonly query: readonly NamedCondition[]
  /** Ranges of clients' addresses. */
  readonly clients: readonly string[]
}

/** Any request. */
export const ANY: Conditions = { hosts: [], paths: [], methods: [], headers: [], query: [], clients: [] }

/** Both conditions in one; `never` if no request has both, `unknown` if one condition cannot say it. */
export type Both<T> = T | 'never' | 'unknown'

/** Whether a host fits a condition, which may itself be a wildcard: `*.b.example` fits `*.example`. */
export function hostFits(host: string, condition: string): boolean {
  return host === condition || (condition.startsWith('*.') && host.endsWith(condition.slice(1)))
}

/** Whether all paths meet a condition. */
export function isEveryPath(path: PathCondition): boolean {
  return (path.kind === 'starts' && path.text === '/') || (path.kind === 'below' && path.path === '/')
}

/** What all paths begin with that meet a condition. */
export function beginning(path: PathCondition): string {
  if (path.kind === 'regexp') return literalPrefix(path.source)
  return path.kind === 'starts' ? path.text : path.path
}

/** The same in small letters, also where an expression ignores case. */
export function foldedBeginning(path: PathCondition): string {
  const text = path.kind === 'regexp' ? literalPrefix(apartFromFlag(path.source)[1]) : beginning(path)
  return text.toLowerCase()
}

const ignoresCase = (path: PathCondition) => path.kind === 'regexp' && apartFromFlag(path.source)[0] !== ''

/** Whether all paths that meet `inner` meet `outer`. */
export function pathCovers(outer: PathCondition, inner: PathCondition): boolean {
  if (isEveryPath(outer)) return true
  if (outer.kind === 'regexp')
    return (
      (inner.kind === 'regexp' && inner.source === outer.source) ||
      (inner.kind === 'exact' && matches(outer.source, inner.path) === true)
    )
  if (inner.kind === 'regexp') {
    const start = literalPrefix(inner.source)
    return outer.kind !== 'exact' && start.startsWith(outer.kind === 'starts' ? outer.text : `${outer.path}/`)
  }
  if (outer.kind === 'exact') return inner.kind === 'exact' && inner.path === outer.path
  const text = beginning(inner)
  if (outer.kind === 'starts') return text.startsWith(outer.text)
  return text.startsWith(`${outer.path}/`) || (text === outer.path && inner.kind !== 'starts')
}

function bothPaths(a: PathCondition, b: PathCondition): Both<PathCondition> {
  if (pathCovers(a, b)) return b
  if (pathCovers(b, a)) return a
  if (a.kind === 'exact' || b.kind === 'exact') {
    const [exact, other] = a.kind === 'exact' ? [a, b] : [b as typeof a & { kind: 'exact' }, a]
    return other.kind === 'regexp' && matches(other.source, exact.path) === undefined ? 'unknown' : 'never'
  }
  // Of two that begin with a text each, one has covered the other by now.
  if (a.kind !== 'regexp' && b.kind !== 'regexp') return 'never'
  const [x, y] = [a, b].map(ignoresCase(a) || ignoresCase(b) ? foldedBeginning : beginning) as [
    string,
    string
  ]
  if (!x.startsWith(y) && !y.startsWith(x)) return 'never'
  return (a.kind === 'regexp' ? withEnd(b, a) : withEnd(a, b as typeof a & { kind: 'regexp' })) ?? 'unknown'
}

/** Paths that begin and end in a certain way, as one expression; undefined for all other expressions. */
function withEnd(
  start: PathCondition,
  { source }: PathCondition & { kind: 'regexp' }
): PathCondition | undefined {
  const [, literal] = /^((?:[\w\-/]|\\\.)+)\$$/.exec(source) ?? []
  const end = literal?.replaceAll('\\', '')
  if (end === undefined || (start.kind !== 'starts' && start.kind !== 'below')) return undefined
  const text = start.kind === 'below' ? `${start.path}/` : start.text
  // Where one may go over into the other, more paths than those of the expression would fit.
  const overlaps =
    [...end].some((_, index) => text.endsWith(end.slice(0, index + 1))) ||
    (start.kind === 'below' && start.path.endsWith(end))
  return overlaps ? undefined : { kind: 'regexp', source: `^${escaped(text)}.*${source}` }
}

/** What both lists ask for, where one of each has to fit. */
function bothLists<T>(a: readonly T[], b: readonly T[], both: (a: T, b: T) => Both<T>): Both<readonly T[]> {
  if (a.length === 0) return b
  if (b.length === 0) return a
  const found: T[] = []
  for (const x of a)
    for (const y of b) {
      const one = both(x, y)
      if (one === 'unknown') return 'unknown'
      if (one !== 'never' && !found.some((other) => isSame(other, one))) found.push(one)
    }
  return found.length > 0 ? found : 'never'
}

/** Whether two values of plain data are the same. */
export function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
}

function bothNamed(
  a: readonly NamedCondition[],
  b: readonly NamedCondition[]
): Both<readonly NamedCondition[]> {
  const all = [...a]
  for (const added of b) {
    const at = all.findIndex(({ name }) => name === added.name)
    if (at === -1) {
      all.push(added)
      continue
    }
    const anyOf = bothLists(all[at]!.anyOf, added.anyOf, bothTexts)
    if (typeof anyOf === 'string') return anyOf
    all[at] = { name: added.name, anyOf }
  }
  return all
}

function bothTexts(a: TextCondition, b: TextCondition): Both<TextCondition> {
  if (isSame(a, b) || b === true) return a
  if (a === true) return b
  if (typeof a === 'string' && typeof b === 'string') return 'never'
  const [text, other] = typeof a === 'string' ? [a, b] : [b, a]
  if (typeof text !== 'string' || typeof other === 'string') return 'unknown'
  const fits = matches((other as { regexp: string }).regexp, text)
  return fits === undefined ? 'unknown' : fits ? text : 'never'
}

const bothHosts = (a: string, b: string): Both<string> => (hostFits(a, b) ? a : hostFits(b, a) ? b : 'never')
const equals = (a: string, b: string): Both<string> => (a === b ? a : 'never')
/** Ranges may overlap without being equal. */
const bothRanges = (a: string, b: string): Both<string> => (a === b ? a : 'unknown')

/** The conditions of both, in one. */
export function and(a: Conditions, b: Conditions): Both<Conditions> {
  const hosts = bothLists(a.hosts, b.hosts, bothHosts)
  const paths = hosts === 'never' ? hosts : bothLists(a.paths, b.paths, bothPaths)
  if (paths === 'never') return 'never'
  const parts = {
    hosts,
    paths,
    methods: bothLists(a.methods, b.methods, equals),
    headers: bothNamed(a.headers, b.headers),
    query: bothNamed(a.query, b.query),
    clients: isSame(a.clients, b.clients) ? a.clients : bothLists(a.clients, b.clients, bothRanges)
  }
  const values: unknown[] = Object.values(parts)
  if (values.includes('never')) return 'never'
  if (values.includes('unknown')) return 'unknown'
  return parts as Conditions
}
