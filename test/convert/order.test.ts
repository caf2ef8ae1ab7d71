import { Findings } from '../../convert/findings.js'
import { ANY, type Conditions, hostFits, type PathCondition } from '../../convert/rules/conditions.js'
import { byPrecedence } from '../../convert/rules/order.js'
import { type Alternative, whenever } from '../../convert/rules/program.js'
import { routeOf } from '../../convert/rules/route.js'
import type { Rule } from '../../convert/rules/rule.js'
import type { Config } from '../../lib/config/load.js'
import { RouteTable } from '../../lib/routing/route-table.js'
import { test } from '../helper.js'
import { SettingsFile } from '../support/config-file.js'
import { seededRandom } from '../support/random.js'

const HOSTS = ['a.example', 'b.example', '*.example', 'c.b.example', '*.b.example']
const PATHS: readonly PathCondition[] = [
  { kind: 'exact', path: '/a' },
  { kind: 'exact', path: '/a/b.png' },
  { kind: 'below', path: '/a' },
  { kind: 'below', path: '/a/b' },
  { kind: 'starts', text: '/a/' },
  { kind: 'starts', text: '/ab' },
  { kind: 'starts', text: '/' },
  { kind: 'regexp', source: '\\.png$' },
  { kind: 'regexp', source: '^/a/[a-z]$' }
]
const METHODS = ['GET', 'POST']
const NAMES = ['x-one', 'x-two']
const POOLS = ['one', 'two', 'three', 'four']
const TARGETS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/a/b/',
  '/a/b/c',
  '/ab',
  '/abc',
  '/a/b.png',
  '/x.png',
  '/b',
  '/a/c'
]
const ASKED_HOSTS = ['a.example', 'b.example', 'c.b.example', 'd.b.example', 'e.example', 'other']

interface Asked {
  readonly host: string
  readonly target: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

function fitsPath(path: PathCondition, target: string): boolean {
  if (path.kind === 'exact') return target === path.path
  if (path.kind === 'below') return target === path.path || target.startsWith(`${path.path}/`)
  return path.kind === 'starts' ? target.startsWith(path.text) : new RegExp(path.source).test(target)
}

/** Whether a request meets conditions, read as they are. */
function fits(
  { hosts, paths, methods, headers }: Conditions,
  { host, target, method, headers: sent }: Asked
): boolean {
  return (
    (hosts.length === 0 || hosts.some((one) => hostFits(host, one))) &&
    (paths.length === 0 || paths.some((path) => fitsPath(path, target))) &&
    (methods.length === 0 || methods.includes(method)) &&
    headers.every(
      ({ name, anyOf }) => sent[name] !== undefined && anyOf.some((is) => is === true || is === sent[name])
    )
  )
}

const FIELDS: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'x-one': '1' },
  { 'x-two': '2' },
  { 'x-one': '1', 'x-two': '1' }
]
const requests: readonly Asked[] = ASKED_HOSTS.flatMap((host) =>
  TARGETS.flatMap((target) =>
    METHODS.flatMap((method) => FIELDS.map((headers) => ({ host, target, method, headers })))
  )
)

/** The pool of the route of a request. */
function poolBy({ routing }: Config): (request: Asked) => string | undefined {
  const table = new RouteTable(routing!.routes)
  return ({ host, target, method, headers }) => {
    const found = table.match({
      method,
      target,
      host,
      headers,
      clientAddress: '127.0.0.1',
      localPort: 80,
      tlsName: undefined
    })
    return typeof found === 'string' || found.route.action.kind !== 'pool'
      ? undefined
      : found.route.action.pool
  }
}

test('routes take requests as rules do of which the first applies', async (t) => {
  const file = new SettingsFile(t)
  const random = seededRandom(2026)
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!
  const some = <T>(list: readonly T[], chance: number): T[] => (random() < chance ? [pick(list)] : [])
  const conditions = (): Conditions => ({
    ...ANY,
    hosts: [...new Set([...some(HOSTS, 0.5), ...some(HOSTS, 0.1)])],
    paths: [...new Set([...some(PATHS, 0.7), ...some(PATHS, 0.2)])],
    methods: some(METHODS, 0.2),
    headers: NAMES.flatMap((name) =>
      random() < 0.15 ? [{ name, anyOf: some<string | true>(['1', true], 1) }] : []
    )
  })
  const pools = Object.fromEntries(POOLS.map((name) => [name, { backends: ['127.0.0.1:1'] }]))
  let told = 0
  let compared = 0
  for (let round = 0; round < 150; round++) {
    const last: Rule = { at: { file: '', line: 99 }, when: ANY, does: { pool: 'last' } }
    let rules: Rule[] = [last]
    /** What the statements say, one after the other. */
    const statements: { alternative: Alternative; pool: string }[] = []
    for (let line = 0; line < 5; line++) {
      const alternative = { all: conditions(), none: random() < 0.15 ? [conditions()] : [] }
      const pool = pick(POOLS)
      const own: Rule = { at: { file: '', line }, when: ANY, does: { pool } }
      const next = whenever([alternative], [own], rules)
      if (!next) continue
      rules = next
      statements.unshift({ alternative, pool })
    }
    const findings = new Findings()
    const routes = byPrecedence(rules, findings).map(routeOf)
    if (findings.all().length > 0) {
      told++
      continue
    }
    const text = JSON.stringify({ pools: { ...pools, last: { backends: ['127.0.0.1:1'] } }, routes })
    const found = poolBy(file.load(text, { LB_NO_HEALTH_CHECK: 'true' }))
    for (const request of requests) {
      const first = statements.find(
        ({ alternative: { all, none } }) => fits(all, request) && !none.some((one) => fits(one, request))
      )
      if (found(request) !== (first?.pool ?? 'last')) {
        t.fail(JSON.stringify({ request, rules, routes }))
        return
      }
      compared++
    }
  }
  t.ok(compared > 30_000, `${compared}`)
  t.ok(told < 50, `${told} cannot be said`)
})
