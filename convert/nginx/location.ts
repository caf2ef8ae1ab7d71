import { type Directive, textOf } from '../directive.js'
import { ANY, and, type Conditions, type PathCondition } from '../rules/conditions.js'
import { prefixChange } from '../rules/prefix-change.js'
import type { RouteSettings, Rule } from '../rules/rule.js'
import { answersOf, type Place } from './answers.js'
import type { Context } from './context.js'
import { errorPages } from './error-pages.js'
import { access, filtersOf, hostToBackend, isClosed, maxBodyOf } from './filters.js'
import { KEEPS_OUT } from './known.js'
import { type Location, pathOf } from './locations.js'
import { passOf, Scope } from './scope.js'
import { type Target, targetsOf } from './target.js'

/** Rules of a location, of which the first applies. */
export function rulesOf(given: Location, server: Place, all: readonly Location[], context: Context): Rule[] {
  const location = withFallback(given, all)
  const { scope, directive } = location
  const path = pathOf(location)
  const when: Conditions = { ...server.when, paths: [path] }
  if (scope.own('internal').length > 0)
    return [{ at: directive.at, when, does: { respond: { status: 404 } } }]
  const answers = answersOf(scope.directives, { ...server, scope, when }, context)
  if (answers.isAll) return [...answers.before, ...answers.after]
  const guarded = and(when, answers.guard)
  const rules =
    typeof guarded === 'object'
      ? passed(location, { ...server, when: guarded }, all, answers.rewrite, context)
      : []
  return [...answers.before, ...rules, ...answers.after]
}

/** A location with what that one says which its `try_files` falls back to: it serves no files, so that all requests go there. */
function withFallback(location: Location, all: readonly Location[]): Location {
  const { scope } = location
  const fallback = scope.last('try_files')?.args.at(-1)
  const named = fallback && all.find(({ kind, text }) => kind === 'named' && text === fallback)
  if (!named || passOf(scope)) return location
  // What it says of backends and of responses is for its files.
  const own = scope.directives.filter(({ name }) => !/^(?:add_header|error_page|proxy_|grpc_)/.test(name))
  return { ...location, scope: new Scope([...own, ...named.scope.directives], scope.outer, scope.location) }
}

/** What is passed on, or answered in its place. */
function passed(
  location: Location,
  place: Place,
  all: readonly Location[],
  rewrite: Directive | undefined,
  context: Context
): Rule[] {
  const { scope, directive } = location
  const { at } = directive
  const closed = closing(scope)
  if (closed) return [{ at: closed.at, when: place.when, does: { respond: { status: 403 } } }]
  const pass = passOf(scope)
  const filters = filtersOf(scope, context.zones, context.findings)
  if (isClosed(filters)) return [{ at, when: place.when, does: { respond: { status: 403 } } }]
  const { 'rate-limit': rate, allow, deny } = filters
  const targets = pass ? targetsOf(pass, scope, context) : []
  if (targets.length === 0) {
    const does: RouteSettings = { respond: { status: pass ? 502 : 404 }, ...(rate && { 'rate-limit': rate }) }
    return [{ at, when: place.when, does: { ...does, ...(allow && { allow }), ...(deny && { deny }) } }]
  }
  const bytes = maxBodyOf(scope)
  const body = bytes === context.maxBodyBytes ? {} : { 'max-body-size': bytes }
  const mirror = mirrorOf(scope, all, context)
  const pages = errorPages(scope, all, context)
  const redirects = slashRedirect(location, place)
  // The path without the slash is answered by a rule of its own, so that the prefix may be one of segments.
  const bySegments: Partial<Conditions> =
    redirects.length > 0 ? { paths: [{ kind: 'below', path: location.text.slice(0, -1) }] } : {}
  const rules = targets.flatMap((target) => {
    const when = and(place.when, { ...ANY, ...target.when })
    if (typeof when === 'string') {
      if (when === 'unknown')
        context.findings.leftOut(pass!.at, textOf(pass!), 'its conditions do not go together')
      return []
    }
    const host = hostToBackend(scope, target.authority, context.findings)
    const change = changeOf(location, target, rewrite, context)
    const settings = target.does.respond
      ? {}
      : { ...(host && { rewrite: { host } }), ...mirror, ...filters, ...body, ...pages }
    const does: RouteSettings = {
      ...target.does,
      ...settings,
      ...(change && { rewrite: { ...(host && { host }), ...change.rewrite } })
    }
    const paths = change?.paths && { paths: change.paths }
    return withMethods({ at, when: { ...when, ...bySegments, ...paths }, does }, scope, context)
  })
  return [...redirects, ...rules]
}

/** What a path without the slash at the end of a location is answered: the same with it. */
function slashRedirect({ kind, text, directive }: Location, { when }: Place): Rule[] {
  if (!/prefix$/.test(kind) || text === '/' || !text.endsWith('/')) return []
  const path = text.slice(0, -1)
  const paths: PathCondition[] = [{ kind: 'exact', path }]
  return [{ at: directive.at, when: { ...when, paths }, does: { redirect: { path: text, status: 301 } } }]
}

/** A directive without which a location would be open to those whom it keeps out. */
function closing(scope: Scope): Directive | undefined {
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const found = at.firstNamed(KEEPS_OUT)
    if (found) return found.args[0] === 'off' ? undefined : found
  }
  return undefined
}

/** How the path changes on the way, and which paths match for it. */
function changeOf(
  { kind, text, scope }: Location,
  { uri }: Target,
  rewrite: Directive | undefined,
  { findings }: Context
): { rewrite: { path?: string; 'path-prefix'?: string }; paths?: readonly PathCondition[] } | undefined {
  const below = (path: string): readonly PathCondition[] => [{ kind: 'below', path: path || '/' }]
  if (rewrite) {
    const change = prefixChange(rewrite.args[0] ?? '', rewrite.args[1] ?? '')
    const from = change?.from ?? ''
    const isOfAll = kind !== 'exact' && kind !== 'regexp' && (text === from || text === `${from}/`)
    if (change && isOfAll && uri === undefined) {
      if (change.note && text !== `${from}/`) findings.differs(rewrite.at, textOf(rewrite), change.note)
      return { rewrite: { 'path-prefix': change.to || '/' }, paths: below(from) }
    }
    findings.leftOut(
      rewrite.at,
      textOf(rewrite),
      'only the prefix by which a location matches can be replaced'
    )
  }
  if (uri === undefined) return undefined
  if (kind === 'exact') return { rewrite: { path: uri } }
  if (kind === 'regexp') {
    const change = prefixChange(text, uri)
    const pass = passOf(scope)
    if (change?.note && pass) findings.differs(pass.at, textOf(pass), change.note)
    return change && { rewrite: { 'path-prefix': change.to || '/' }, paths: below(change.from) }
  }
  if (uri === text) return undefined
  const [from, to] = [text.replace(/\/$/, ''), uri.replace(/\/$/, '')]
  const pass = passOf(scope)
  if (pass && text !== '/' && text.endsWith('/') !== uri.endsWith('/'))
    findings.differs(
      pass.at,
      textOf(pass),
      `paths are joined by one slash: ${from}/x becomes ${to}/x, where nginx makes ${uri}${`${from}/x`.slice(text.length)} of it`
    )
  if (pass && !text.endsWith('/'))
    findings.differs(
      pass.at,
      textOf(pass),
      `prefixes are matched by whole segments where they are replaced: ${text}x does not come here any more`
    )
  return { rewrite: { 'path-prefix': to || '/' }, paths: below(from) }
}

/** With `limit_except`, the methods that it excepts, and those who may use all others. */
function withMethods(rule: Rule, scope: Scope, { findings }: Context): Rule[] {
  const [limit] = scope.own('limit_except')
  if (!limit) return [rule]
  const others = access(new Scope(limit.block ?? []), findings)
  const methods = limit.args.includes('GET') ? [...limit.args, 'HEAD'] : [...limit.args]
  return [
    { ...rule, when: { ...rule.when, methods: [...new Set(methods)] } },
    isClosed(others)
      ? { at: limit.at, when: rule.when, does: { respond: { status: 403 } } }
      : { at: limit.at, when: rule.when, does: { ...rule.does, ...others } }
  ]
}

function mirrorOf(scope: Scope, all: readonly Location[], context: Context): RouteSettings {
  const mirror = scope.last('mirror')
  if (!mirror || mirror.args[0] === 'off') return {}
  const location = all.find(({ text }) => text === mirror.args[0])
  const pass = location && passOf(location.scope)
  const target = pass && targetsOf(pass, location.scope, context)[0]
  if (target?.does.pool) return { mirror: { pool: target.does.pool, percent: 100 } }
  context.findings.leftOut(mirror.at, textOf(mirror), 'it needs a location that passes to backends')
  return {}
}
