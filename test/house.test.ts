import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { ROOT } from './support/processes.js'

/** From the bottom up. A floor imports from itself and from those below it. */
const FLOORS = ['lib', 'plugins', 'routes', 'app', 'convert', 'bin']
/** The rooms of lib/, from the bottom up, each with its sentence: as docs/architecture.md has them from the top down. */
const SENTENCES: Readonly<Record<string, string>> = {
  base: 'What needs nothing of this: rates, latency windows, timers, files watched, secrets hidden.',
  service:
    'The process as a service: listening sockets that are handed over, the process before it and the next one, what systemd is told.',
  listener:
    "The client's side of the server: TLS, PROXY protocol, HTTP/2 sessions, limits of sockets, who the client is.",
  transport: 'A connection to a backend: the interface, then `http1/`, `http2/`, sockets and TLS.',
  pool: 'A pool of backends, their states and weights, slots and counters in shared cells.',
  balancing: 'Which backend of a pool: the policies, and sessions.',
  routing: 'Which pool, and what is changed on the way: matches, precedence, filters.',
  proxy: "One exchange: a client's request, its attempts at backends, the answer.",
  outliers: 'Passive checks: what requests tell of backends; ejection and its end.',
  health: 'Active checks: asks backends how they are.',
  discovery:
    'Where backends come from: a list, a file, DNS, Kubernetes, etcd, Consul. Each source tells a pool its members.',
  fleet: 'Many balancers that act as one: what they share over a store.',
  observe: 'What is shown: statistics, metrics, the live stream, access log, traces.',
  admin: 'What an operator changes while it runs, and what is kept of that.',
  config:
    'What can be set: reads variables, flags and files, and hands each room below the options that it defines itself.',
  threads: 'Several threads as one balancer: who starts and follows whom, and what they tell each other.'
}
const ROOMS = Object.keys(SENTENCES)
/** `from '…'`, `import '…'`, `import('…')`, `require('…')` */
const IMPORT = /(?:\bfrom|\bimport|\bimport\(|\brequire\()\s*'([^']+)'/g

interface Import {
  readonly file: string
  /** What it imports: a path inside the project, or a package. */
  readonly target: string
}

function importsOf(floor: string): Import[] {
  return readdirSync(path.join(ROOT, floor), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[jt]s$/.test(name))
    .map((name) => path.posix.join(floor, name.replaceAll('\\', '/')))
    .flatMap((file) => {
      const source = readFileSync(path.join(ROOT, file), 'utf8')
      return [...source.matchAll(IMPORT)].map(([, specifier]) => ({
        file,
        target: specifier!.startsWith('.')
          ? path.posix.join(path.posix.dirname(file), specifier!)
          : specifier!
      }))
    })
}

/** Whether what a file of the floor imports is on a higher one. Packages are on none. */
function isAbove(target: string, floor: string): boolean {
  return FLOORS.indexOf(target.split('/')[0]!) > FLOORS.indexOf(floor)
}

t.test('no import points up', async (t) => {
  for (const floor of FLOORS) {
    const imports = importsOf(floor)
    t.ok(imports.length > 2, `${floor} imports something`)
    for (const { file, target } of imports) t.notOk(isAbove(target, floor), `${file} imports ${target}`)
  }
})

t.test('lib knows nothing of Fastify', async (t) => {
  for (const { file, target } of importsOf('lib'))
    t.notMatch(target, /^(@fastify\/|fastify)/, `${file} imports ${target}`)
})

t.test('no floor imports from the tests or the benchmarks', async (t) => {
  for (const { file, target } of FLOORS.flatMap(importsOf))
    t.notMatch(target, /^(\.\.|test|bench|chaos|soak)\//, `${file} imports ${target}`)
})

/** The room of a file of lib/. */
const roomOf = (file: string) => ROOMS.indexOf(file.split('/')[1]!)

t.test('every file of lib/ stands in a room, and no room imports from one above it', async (t) => {
  const files = readdirSync(path.join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })
  for (const file of files.filter((name) => name.endsWith('.ts')))
    t.ok(roomOf(path.posix.join('lib', file)) >= 0, `${file} is in a room`)
  for (const { file, target } of importsOf('lib').filter((found) => found.target.startsWith('lib/')))
    t.ok(roomOf(target) <= roomOf(file), `${file} imports ${target}`)
})

t.test('no two files of lib/ import each other, by however many others', async (t) => {
  const targets = new Map<string, string[]>()
  for (const { file, target } of importsOf('lib'))
    targets.set(file, [...(targets.get(file) ?? []), target.replace(/\.js$/, '.ts')])
  const done = new Set<string>()
  const walk = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const target of targets.get(file) ?? []) {
      const circle = walk(target, [...way, file])
      if (circle) return circle
    }
    done.add(file)
    return undefined
  }
  t.ok(targets.size > 100)
  for (const file of targets.keys()) t.equal(walk(file, []), undefined)
})

t.test('every room has its sentence, in the order of the rooms', async (t) => {
  const page = readFileSync(path.join(ROOT, 'docs', 'architecture.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `(\w+)\/` +\| (\S.*?\.) +\|$/gm)]
  t.same(
    rows.map(([, room, sentence]) => [room, sentence]),
    Object.entries(SENTENCES).reverse()
  )
})

/** Words that mean nothing to a reader of the field, and what stands in their place. */
const NOT_OUR_WORDS: readonly (readonly [word: RegExp, instead: string])[] = [
  [/carrier/i, 'backend stream'],
  [/second[ -]?(try|tries|attempt)/i, 'retry, hedge, attempt'],
  [/\bstrand(s|ed)?\b/i, 'waiting while no backend is available'],
  [/\bdoubt/i, 'a state that changes'],
  [/\blet ?go\b|\blets go\b/i, 'release, detach'],
  [/\blinger(?!ing)/i, 'lingering close'],
  [/pulse/i, 'tick'],
  [/\b(abandoned|hostless|culprit)\b/, 'tick, lent, aborted, lacksHost'],
  [/\b(peerOf|proxiedBy|lingerAfter|passDrain|refuseRest|hasSpoken|heardMs)\b/, 'connectionInfo and others'],
  [/\b(answeredHere|noteOwnAnswer|serveApart|promiseTls|letGo|isInDoubt)\b/, 'local reply and others']
]

t.test('names, comments and docs use the words of the field', async (t) => {
  const folders = [...FLOORS, 'docs', 'test']
  const files = folders.flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|md)$/.test(name))
      .map((name) => path.posix.join(folder, name.replaceAll('\\', '/')))
  )
  for (const file of [...files, 'README.md', 'CONTRIBUTING.md']) {
    if (file === 'test/house.test.ts') continue
    const text = readFileSync(path.join(ROOT, file), 'utf8')
    const found = NOT_OUR_WORDS.filter(([word]) => word.test(text))
    t.same(
      found.map(([word, instead]) => `${word.exec(text)![0]}: say ${instead}`),
      [],
      file
    )
  }
})
