import path from 'node:path'
import t from 'tap'
import type { RouteOptions } from '../../../lib/routing/options.js'
import { RouteTable } from '../../../lib/routing/route-table.js'
import { seededRandom } from '../../support/random.js'
import { request, route, routed } from '../../support/route-table.js'

const SEED = 3986
const TARGETS = 1000

/** What a server takes for the path of a target; undefined if it refuses it. */
type Reader = (path: string) => string | undefined

// What servers do, in words of their own. What they have decoded is encoded again where it could not stand in a path.

const decode = (text: string) =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
const encode = (text: string) =>
  text.replace(
    /[^\w\-.~!$&'()*+,;=:@/\\]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  )
const unreserved = (text: string) =>
  text.replace(/%[0-9a-f]{2}/gi, (one) => (/[\w\-.~]/.test(decode(one)) ? decode(one) : one))
const merge = (text: string) => text.replace(/\/+/g, '/')
const slashes = (text: string) => text.replaceAll('\\', '/')
const cutParameters = (text: string) => text.replace(/;[^/]*/g, '')
const withoutAuthority = (text: string) => text.replace(/^\/\/[^/]*(?=\/)/, '')

function dots(text: string): string {
  const kept: string[] = []
  const segments = text.split('/').slice(1)
  for (const segment of segments) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  return `/${kept.join('/')}${/(?:^|\/)\.{1,2}$/.test(text) && kept.length > 0 ? '/' : ''}`
}

/** Refuses what goes above the root, as most do. */
const above = (text: string) => {
  let depth = 0
  for (const segment of text.split('/').slice(1)) {
    depth += segment === '..' ? -1 : segment === '.' ? 0 : 1
    if (depth < 0) return true
  }
  return false
}

const nginx: Reader = (target) => {
  const merged = merge(decode(target))
  return above(merged) ? undefined : encode(dots(merged))
}

const tomcat =
  (solidus: 'reject' | 'decode', backslash: 'reject' | 'slash'): Reader =>
  (target) => {
    if (solidus === 'reject' && /%2f/i.test(target)) return undefined
    const decoded = decode(cutParameters(target))
    if (backslash === 'reject' && decoded.includes('\\')) return undefined
    const merged = merge(slashes(decoded))
    return above(merged) ? undefined : encode(dots(merged))
  }

/** `ap_normalize_path()`, then `ap_unescape_url()`. */
const apache =
  (encodedSlashes: 'off' | 'on' | 'nodecode', merges = true): Reader =>
  (target) => {
    if (encodedSlashes === 'off' && /%2f/i.test(target)) return undefined
    const first = unreserved(target).replace(/^\/+/, '/')
    const normal = dots(merges ? merge(first) : first)
    if (encodedSlashes !== 'nodecode') return encode(decode(normal))
    return normal
      .split(/(%2f)/i)
      .map((part) => (/^%2f$/i.test(part) ? '%2F' : encode(decode(part))))
      .join('')
  }

const whatwg = (target: string) => new URL(`http://a.example${target}`).pathname
const whatwgRelative: Reader = (target) =>
  URL.canParse(target, 'http://a.example') ? new URL(target, 'http://a.example').pathname : undefined

const READERS: Readonly<Record<string, Reader>> = {
  nginx,
  'nginx, merge_slashes off': (target) => (above(decode(target)) ? undefined : encode(dots(decode(target)))),
  Apache: apache('off'),
  'Apache, AllowEncodedSlashes On': apache('on'),
  'Apache, AllowEncodedSlashes NoDecode': apache('nodecode'),
  'Apache, MergeSlashes Off': apache('on', false),
  lighttpd: (target) => encode(dots(merge(decode(dots(merge(unreserved(target).replace(/%2f/gi, '/'))))))),
  'Express and other routers of Node': (target) => target,
  'new URL(origin + req.url)': whatwg,
  'new URL(req.url, base)': whatwgRelative,
  'new URL(req.url, base), decoded': (target) => {
    const pathname = whatwgRelative(target)
    return pathname && encode(decode(pathname))
  },
  'path.normalize() of a decoded path': (target) => encode(path.posix.normalize(decode(target))),
  'path.normalize() on Windows': (target) => encode(slashes(path.win32.normalize(decode(target)))),
  'a router that ends paths at a semicolon': (target) => encode(decode(target.replace(/;.*$/, ''))),
  Tomcat: tomcat('reject', 'reject'),
  'Tomcat, encoded slashes decoded': tomcat('decode', 'reject'),
  'Tomcat, backslashes allowed': tomcat('decode', 'slash'),
  'a servlet that cuts parameters after decoding': (target) =>
    encode(cutParameters(dots(merge(decode(target))))),
  'a servlet that cuts parameters before dot segments': (target) =>
    encode(dots(cutParameters(decode(target)))),
  WSGI: (target) => encode(decode(target)),
  'WSGI behind http.server': (target) => encode(decode(target.replace(/^\/+/, '/'))),
  'urlsplit() of Python': (target) => encode(decode(withoutAuthority(target))),
  'PHP, REQUEST_URI': (target) => target,
  'PHP, parse_url() and rawurldecode()': (target) => encode(decode(withoutAuthority(target))),
  'PHP, decoded by the server and by the script': (target) => encode(decode(decode(target))),
  'PHP, decoded twice, and realpath()': (target) => encode(dots(merge(decode(decode(target))))),
  'net/http of Go': (target) => encode(path.posix.normalize(decode(target))),
  IIS: (target) => encode(dots(slashes(decode(target)))),
  'a proxy that normalizes, and Tomcat': (target) => tomcat('decode', 'slash')(dots(unreserved(target))),
  'nginx before PHP': (target) => {
    const passed = nginx(target)
    return passed && encode(decode(withoutAuthority(passed)))
  },
  'Tomcat behind a proxy that decodes': (target) => {
    const passed = nginx(target)
    return passed && tomcat('decode', 'slash')(passed)
  }
}

const TABLES: readonly (readonly RouteOptions[])[] = [
  [route('api', { path: '/api' }), route('admin', { path: '/admin' }), route('rest')],
  [route('admin', { path: '/admin' }), route('rest')],
  [
    route('list', { path: '=/api /@me' }),
    route('item', { path: '/api/admin' }),
    route('exact', { path: '=/admin/api' })
  ],
  [
    route('deep', { path: '/a/api/admin' }),
    route('a', { path: '/a' }),
    route('slash', { path: '=/a/ =/admin/' }),
    route('rest')
  ],
  [route('pattern', { path: '~^/[^/]+//?@me' }), route('rest')]
]

/** The route whose path this is, as a server would look it up that takes a path as it is. */
function routeOfPath(routes: readonly RouteOptions[], read: string): string {
  const path = unreserved(read)
  const has = (kind: string, test: (path: string) => boolean) =>
    routes.find(({ match }) =>
      match.paths.some((asked) => asked.kind === kind && 'path' in asked && test(asked.path))
    )
  const exact = has('exact', (asked) => asked === path)
  if (exact) return exact.name
  const prefixes = routes.flatMap(({ name, match }) => match.paths.map((asked) => ({ name, asked })))
  const [longest] = prefixes
    .flatMap(({ name, asked }) => (asked.kind === 'prefix' ? [{ name, path: asked.path }] : []))
    .filter((prefix) => path === prefix.path || path.startsWith(`${prefix.path}/`))
    .sort((one, other) => other.path.length - one.path.length)
  if (longest) return longest.name
  const pattern = routes.find(({ match }) =>
    match.paths.some((asked) => asked.kind === 'regexp' && asked.pattern.test(path))
  )
  return pattern?.name ?? (routes.some(({ name }) => name === 'rest') ? 'rest' : 'no-route')
}

const WORDS =
  'a api admin api admin / / / / . .. /../ /./ // %2e %2E%2e %2f %2F %5c \\ ; ;x=1 ..; %3b %252e %252f %255c %253b %40me @me %61 %20 %2561 x'.split(
    ' '
  )

const random = seededRandom(SEED)
const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!

function randomTarget(): string {
  return `/${Array.from({ length: 1 + Math.floor(random() * 9) }, () => pick(WORDS)).join('')}`
}

t.test('what a strict table lets through, no server takes for the path of another route', async (t) => {
  /** Targets that a server would take elsewhere, if they were let through. */
  const refusedFor = new Map<string, number>()
  let passed = 0
  const tables = TABLES.map((routes) => ({
    routes,
    strict: new RouteTable(routes),
    lenient: new RouteTable(routes.map((one) => ({ ...one, paths: 'lenient' as const })))
  }))
  for (let count = 0; count < TARGETS; count++) {
    const target = randomTarget()
    for (const { routes, strict, lenient } of tables) {
      const found = routed(strict, target)
      if (found !== 'ambiguous-path') passed++
      const plain = routed(lenient, target)
      for (const [name, read] of Object.entries(READERS)) {
        const path = read(target)
        if (path === undefined) continue
        const taken = routeOfPath(routes, path)
        if (found !== 'ambiguous-path' && taken !== found)
          t.fail(`${target}: ${found}, but ${name} reads ${path}: ${taken}`)
        if (taken !== plain) refusedFor.set(name, (refusedFor.get(name) ?? 0) + 1)
      }
    }
  }
  t.ok(passed > TARGETS, `${passed} passed`)
  for (const name of Object.keys(READERS))
    t.ok((refusedFor.get(name) ?? 0) > 20, `${name}: ${refusedFor.get(name)}`)
})

t.test('what servers need not fear passes', async (t) => {
  const routes = [route('api', { path: '/api' }), route('admin', { path: '/admin' }), route('rest')]
  for (const line of [
    '/api/group%2Fproject',
    '/api/me%40a.example',
    '/api/a;v=1',
    '/api//x',
    '/api/x/../y',
    '/a%20b',
    '/x%2Fy'
  ])
    t.notOk(['ambiguous-path', 'no-route'].includes(routed(new RouteTable(routes), line)), line)
  t.equal(new RouteTable(routes).match(request('/admin/..%2fapi')), 'ambiguous-path')
})
