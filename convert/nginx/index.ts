import path from 'node:path'
import type { Conversion, Request } from '../conversion.js'
import { type Directive, textOf } from '../directive.js'
import { Findings } from '../findings.js'
import { ANY, type Conditions } from '../rules/conditions.js'
import { byPrecedence } from '../rules/order.js'
import { Pools } from '../rules/pools.js'
import type { Rule } from '../rules/rule.js'
import { bySite } from '../rules/sites.js'
import { answersOf, type Place } from './answers.js'
import { type Context, contextOf } from './context.js'
import { maxBodyOf } from './filters.js'
import { withIncludes } from './include.js'
import { OPAQUE, whyLeftOut } from './known.js'
import { type Server, serversIn, serversOf } from './listen.js'
import { rulesOf } from './location.js'
import { locationsOf } from './locations.js'
import { parseNginx } from './parse.js'
import { Scope } from './scope.js'
import { settingsOf } from './settings.js'

/** Converts an `nginx.conf`, or a file of `sites-enabled`. */
export function fromNginx({ text, file, port: wanted }: Request): Conversion {
  const findings = new Findings()
  const folder = path.dirname(path.resolve(file))
  const directives = withIncludes(parseNginx(text, file), folder, findings)
  const main = new Scope(directives)
  const blocks = main.own('http').flatMap(({ block }) => block ?? [])
  const http = new Scope(blocks.length > 0 ? blocks : directives, blocks.length > 0 ? main : undefined)
  reportUnknown(directives, findings)
  const pools = new Pools()
  const context = contextOf(http, { findings, pools, maxBodyBytes: maxBodyOf(http), folder })
  const chosen = serversOf(serversIn(http, findings), wanted, findings)
  const sites = chosen.servers.map((server, index) =>
    rulesOfServer(server, index === 0, chosen.isTls, context)
  )
  const settings = settingsOf(http, chosen, context)
  return { settings, pools, rules: byPrecedence(bySite(sites), findings), findings }
}

/** Names all directives that mean nothing here. */
function reportUnknown(directives: readonly Directive[], findings: Findings): void {
  for (const directive of directives) {
    const why = whyLeftOut(directive.name)
    if (why !== undefined) findings.leftOut(directive.at, textOf(directive), why)
    // The words in an if are for whoever reads that.
    else if (!OPAQUE.has(directive.name) && directive.name !== 'if')
      reportUnknown(directive.block ?? [], findings)
  }
}

function rulesOfServer(server: Server, isDefault: boolean, isTls: boolean, context: Context): Rule[] {
  const { scope, directive } = server
  const { hosts, names } = hostsOf(server, context)
  const found: Rule[] = []
  const forms: Conditions[] = []
  if (hosts.length > 0 && !isDefault) forms.push({ ...ANY, hosts })
  // What no other server has a name for comes to the default one, its own names included.
  if (isDefault) forms.push(ANY)
  for (const when of forms) {
    const place: Place = { scope, when, serverName: names[0], isTls }
    found.push(...rulesAt(place, directive, context))
  }
  return found
}

function rulesAt(place: Place, directive: Directive, context: Context): Rule[] {
  const { scope, when } = place
  const all = locationsOf(scope, context)
  const answers = answersOf(scope.directives, place, context)
  if (answers.rewrite)
    context.findings.leftOut(
      answers.rewrite.at,
      textOf(answers.rewrite),
      'the target is changed by the route alone that passes it on'
    )
  if (answers.isAll) return [...answers.before, ...answers.after]
  const guarded: Place = { ...place, when: { ...when, ...withoutEmpty(answers.guard) } }
  const rules = all
    .filter(({ kind }) => kind !== 'named')
    .flatMap((location) => rulesOf(location, guarded, all, context))
  // Paths without the slash of a location are looked at before regular expressions.
  const isExact = ({ when: { paths } }: Rule) =>
    paths.length > 0 && paths.every(({ kind }) => kind === 'exact')
  const ordered = [...rules.filter(isExact), ...rules.filter((rule) => !isExact(rule))]
  const rest: Rule = { at: directive.at, when: guarded.when, does: { respond: { status: 404 } } }
  return [...answers.before, ...ordered, rest, ...answers.after]
}

const withoutEmpty = (when: Conditions) =>
  Object.fromEntries(Object.entries(when).filter(([, list]) => list.length > 0))

/** The names of a server that a match of a route can ask for. */
function hostsOf({ scope }: Server, { findings }: Context): { hosts: string[]; names: string[] } {
  const hosts: string[] = []
  for (const directive of scope.own('server_name'))
    for (const name of directive.args) {
      if (/^(?:_|)$/.test(name) || name.includes('$')) continue
      if (name.startsWith('~') || /\.\*$/.test(name) || /^\*[^.]/.test(name))
        findings.leftOut(directive.at, `server_name ${name}`, 'a host is a name, or *. and a suffix')
      else if (name.startsWith('.')) hosts.push(name.slice(1).toLowerCase(), `*${name}`.toLowerCase())
      else hosts.push(name.toLowerCase())
    }
  return { hosts, names: hosts.filter((name) => !name.startsWith('*')) }
}
