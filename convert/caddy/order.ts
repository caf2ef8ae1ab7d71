import type { Directive } from '../directive.js'

/** The order in which Caddy applies the directives of a site, wherever they stand. */
const ORDER =
  `tracing map vars fs root log_append log_skip skip_log log_name header copy_response_headers request_body
  redir method rewrite uri try_files basicauth basic_auth forward_auth request_header encode push intercept templates
  invoke handle handle_path route abort error copy_response respond metrics reverse_proxy php_fastcgi file_server
  acme_server`.split(/\s+/)

/** The place of a directive in that order; undefined if it has none. */
function placeOf(name: string): number | undefined {
  const at = ORDER.indexOf(name)
  if (at === -1) return undefined
  // The two are tried as one list.
  return name === 'handle_path' ? ORDER.indexOf('handle') : at
}

/** What decides between two directives of the same name. */
interface Placed {
  readonly directive: Directive
  readonly place: number
  /** The length of its path, if it matches by a single one; otherwise 0. */
  readonly length: number
  readonly hasMatcher: boolean
}

/**
 * Directives in the order in which they apply: by their names; of those with one path each, the longest first; those
 * without a matcher behind those that have one.
 * @param pathOf the path of a matcher with a name, if it has a single one
 */
export function inOrder(
  directives: readonly Directive[],
  moved: ReadonlyMap<string, readonly [string, string]>,
  pathOf: (matcher: string) => string | undefined
): Directive[] {
  const placed = directives.map((directive): Placed => {
    const [first = ''] = directive.args
    const path = first.startsWith('@') ? pathOf(first) : first.startsWith('/') ? first : undefined
    return {
      directive,
      place: placeIn(directive, moved),
      length: path?.length ?? 0,
      hasMatcher: path !== undefined || first.startsWith('@')
    }
  })
  // Which of three comes first is not always clear, and then depends on how they are sorted: as Caddy does, by insertion.
  for (let i = 1; i < placed.length; i++)
    for (let j = i; j > 0 && isBefore(placed[j]!, placed[j - 1]!); j--)
      [placed[j], placed[j - 1]] = [placed[j - 1]!, placed[j]!]
  return placed.map(({ directive }) => directive)
}

function isBefore(one: Placed, other: Placed): boolean {
  if (one.place !== other.place) return one.place < other.place
  if (one.length > 0 && other.length > 0) return one.length > other.length
  return one.hasMatcher && !other.hasMatcher
}

function placeIn({ name }: Directive, moved: ReadonlyMap<string, readonly [string, string]>): number {
  const [where, than = ''] = moved.get(name) ?? []
  if (where === 'first') return -1
  if (where === 'last') return ORDER.length
  const other = placeOf(than)
  if (other !== undefined) return other + (where === 'before' ? -0.5 : 0.5)
  return placeOf(name) ?? ORDER.length
}
