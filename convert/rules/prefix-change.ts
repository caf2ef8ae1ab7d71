/** What stands in the place of the paths below one. */
export interface PrefixChange {
  /** Empty for all paths. */
  readonly from: string
  /** A path, or a URL. */
  readonly to: string
  /** How the paths that match differ from those of the expression. */
  readonly note: string | undefined
}

/** An expression for one path, or for all paths that begin so. */
export type Pattern =
  | { readonly kind: 'exact'; readonly paths: readonly string[] }
  | {
      readonly kind: 'prefix'
      readonly text: string
      /** Whether the prefix itself, without a slash, matches. */
      readonly hasBare: boolean
      /** Whether what follows the prefix may begin within a segment. */
      readonly endsAnywhere: boolean
    }

const LITERAL = String.raw`(?:[\w/\-~!@%&=:;,' ]|\\[.\-/_])*`
const EXACT = new RegExp(String.raw`^\^(${LITERAL})(/\?)?\$$`)
const PREFIX = new RegExp(String.raw`^\^?(${LITERAL})(/\?)?(?:\((/?)\.[*+]\)(\?)?)?\$?$`)

const unescaped = (text: string) => text.replace(/\\(.)/g, '$1')

/** Reads an expression that is anchored and has at most one group, at its end; undefined for all others. */
export function patternOf(source: string): Pattern | undefined {
  const exact = EXACT.exec(source)
  if (exact && exact[1] !== '') {
    const path = unescaped(exact[1]!)
    return { kind: 'exact', paths: exact[2] ? [path, `${path}/`] : [path] }
  }
  const prefix = PREFIX.exec(source)
  if (!prefix || (!source.startsWith('^') && source !== '(.*)')) return undefined
  const [, literal = '', optionalSlash, slash, optional] = prefix
  if (source.endsWith('$') && !source.includes('(')) return undefined
  return {
    kind: 'prefix',
    text: unescaped(literal) + (slash ?? ''),
    hasBare: Boolean(optionalSlash || optional),
    endsAnywhere: !slash && !literal.endsWith('/')
  }
}

/** What an expression and its replacement, with `$1` for its group, do if they put one prefix in the place of another. */
export function prefixChange(source: string, replacement: string): PrefixChange | undefined {
  const pattern = patternOf(source)
  const [, to] =
    /^([^$]*|\$scheme:\/\/[^$]*(?:\$host[^$]*)?|https?:\/\/\$host[^$]*)\$1$/.exec(replacement) ?? []
  const isWhole = /^(?:https?|\$scheme):\/\/[^/]+\$request_uri$/.test(replacement)
  if (pattern?.kind !== 'prefix') return undefined
  if (isWhole && (pattern.text === '' || pattern.text === '/'))
    return { from: '', to: replacement.replace('$request_uri', ''), note: undefined }
  if (to === undefined) return undefined
  const { text, hasBare, endsAnywhere } = pattern
  const captures = /\((\/)/.test(source)
  // What the group holds begins with a slash, or what stands before it ends with one, on both sides.
  const ends = (part: string) => part === '' || part.endsWith('/')
  if (captures) return { from: text.slice(0, -1), to, note: hasBare ? undefined : bare(text.slice(0, -1)) }
  if (ends(text) !== ends(to) && !(hasBare && to.endsWith('/'))) return undefined
  const from = text.replace(/\/$/, '')
  const note = from === '' ? undefined : endsAnywhere ? within(from) : hasBare ? undefined : bare(from)
  return { from, to: to.replace(/\/$/, ''), note }
}

const bare = (from: string) => `${from} itself matches as well`
const within = (from: string) => `prefixes are matched by whole segments: ${from}x does not match any more`
