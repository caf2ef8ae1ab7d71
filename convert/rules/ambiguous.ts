import { ALL_REQUESTS, NO_FILTERS } from '../../lib/routing/catch-all.js'
import type { PathMatch } from '../../lib/routing/options.js'
import { withNormalEncoding } from '../../lib/routing/paths/normal-form.js'
import { unmatchedPaths } from '../../lib/routing/unmatched-paths.js'
import type { PathCondition } from './conditions.js'
import type { Rule } from './rule.js'

/**
 * Whether a path that a rule names is one that servers read in several ways: a route that is strict of it would refuse all
 * that it is for.
 */
export function hasAmbiguousPath({ when }: Rule): boolean {
  const paths = when.paths.flatMap(pathMatchOf)
  if (paths.length === 0) return false
  const asked = { match: { ...ALL_REQUESTS, paths }, paths: 'strict' as const }
  const action = { kind: 'pool' as const, pool: '' }
  return unmatchedPaths({ name: '', ...asked, action, filters: NO_FILTERS }).length > 0
}

function pathMatchOf(path: PathCondition): PathMatch[] {
  if (path.kind !== 'exact' && path.kind !== 'below') return []
  const bytes = withNormalEncoding(Buffer.from(path.path).toString('latin1'))
  return [{ kind: path.kind === 'exact' ? 'exact' : 'prefix', path: bytes }]
}
