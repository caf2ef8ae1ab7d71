import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { describeVariables, schema, type VariableName } from '../../lib/config/schema.js'
import { backend, statisticsSchema } from '../../routes/lb/stats-schema.js'
import { ROOT } from '../support/processes.js'

const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8')

/** The files below a folder whose names end so. */
function filesBelow(folder: string, end: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => path.join(folder, name))
}

const DOCS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...filesBelow('docs', '.md'),
  ...filesBelow('deploy', '')
].filter((file) => path.extname(file) !== '' && !file.endsWith('.json'))
const SOURCES = [
  'app',
  'bench',
  'bin',
  'chaos',
  'lib',
  'plugins',
  'routes',
  'scenarios',
  'screenshots',
  'soak'
]
  .flatMap((folder) => filesBelow(folder, '.ts'))
  .map(read)
  .join('\n')
const CODES = new Set([...SOURCES.matchAll(/'(LB_[A-Z0-9_]+)'/g)].map(([, code]) => code!))

/** What is in code spans and blocks, where the names are. */
const codeOf = (text: string) =>
  [...text.matchAll(/^```.*?^```|`[^`\n]+`/gms)].map(([code]) => code).join('\n')

t.test('every variable and error code that is named exists', async (t) => {
  let count = 0
  for (const file of DOCS) {
    for (const [name] of read(file).matchAll(/\bLB_[A-Z0-9_]*[A-Z0-9]\b/g)) {
      count++
      t.ok(name in schema.entries || CODES.has(name), `${file}: ${name}`)
    }
  }
  t.ok(count > 400, `${count}`)
})

t.test('every flag that is given to a command of ours exists', async (t) => {
  const flags = new Set([
    ...describeVariables().flatMap(({ info }) => info.flags?.match(/--[a-z0-9-]+/g) ?? []),
    ...(SOURCES.match(/--[a-z][a-z0-9-]+/g) ?? []),
    '--help'
  ])
  let count = 0
  for (const file of DOCS.filter((name) => name.endsWith('.md'))) {
    // Comments aside, and up to the next command of the line.
    const commands = codeOf(read(file)).matchAll(
      /(?:(?:^|[\s`|/])(?:lb|be)(?:\.js)?|npm run (?:bench|chaos|soak|scenarios) --) [^|#`\n]*/gm
    )
    for (const [command] of commands) {
      for (const [flag] of command.matchAll(/(?<=\s)--[a-z][a-z0-9-]+/g)) {
        count++
        t.ok(flags.has(flag), `${file}: ${flag}`)
      }
    }
  }
  t.ok(count > 30, `${count}`)
})

t.test('every npm script that is named exists', async (t) => {
  const { scripts } = JSON.parse(read('package.json'))
  let count = 0
  for (const file of DOCS) {
    for (const [, name] of codeOf(read(file)).matchAll(/npm run (?:-{1,2}\w+ )?([a-z]+)/g)) {
      count++
      t.ok(name! in scripts, `${file}: ${name}`)
    }
  }
  t.ok(count > 15, `${count}`)
})

t.test('every file of the project that is named exists', async (t) => {
  let count = 0
  for (const file of DOCS.filter((name) => name.endsWith('.md'))) {
    const named = codeOf(read(file)).matchAll(
      /(?<![\w./-])(?:app|bench|bin|chaos|deploy|docs|findings|lib|plugins|routes|soak|test)\/[\w./-]*(?:\.[a-z]+\b|\/)/g
    )
    for (const [name] of named) {
      // Placeholders, and results, which a run makes.
      if (name.includes('NAME') || name.includes('/results/')) continue
      count++
      t.ok(existsSync(path.join(ROOT, name)), `${file}: ${name}`)
    }
  }
  t.ok(count > 20, `${count}`)
})

t.test('every metric that is named is one that docs/metrics.md describes', async (t) => {
  const metrics = read('docs/metrics.md')
  for (const file of DOCS) {
    for (const [name] of read(file).matchAll(/\bfairlead_[a-z_]+[a-z]\b/g)) {
      const series = name.replace(/_(?:bucket|sum|count)$/, '')
      t.ok(metrics.includes(`\`${series}\``), `${file}: ${name}`)
    }
  }
})

/** The rows of the table of a page that begins with this head, each a list of its cells. */
function tableOf(file: string, head: readonly string[]): string[][] {
  const rows = read(file)
    .split('\n')
    .map((line) => line.replaceAll('\\|', '').split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
  const start = rows.findIndex((cells) => cells.join() === head.join())
  const end = rows.findIndex((cells, i) => i > start && cells.length === 0)
  return rows.slice(start + 2, end)
}

t.test('every error response is listed with its status', async (t) => {
  for (const [file, sources] of [
    ['docs/errors.md', filesBelow('lib/proxy', '.ts')],
    ['docs/admin-api.md', ['lib/admin/api-error.ts', 'lib/admin/pool-set.ts']]
  ] as const) {
    const raised = [
      ...sources
        .map(read)
        .join('\n')
        .matchAll(/\(\s*(\d{3}),\s*'(LB_[A-Z0-9_]+)'/g)
    ]
    const listed = tableOf(file, ['status', 'code', 'when']).filter(([, code]) => code?.startsWith('`LB_'))
    t.same(
      listed.map(([status, code]) => `${status} ${code}`).sort(),
      [...new Set(raised.map(([, status, code]) => `\`${status}\` \`${code}\``))].sort(),
      file
    )
  }
})

/** Values as the table of limits has them, in the unit of the variable. */
function parseValue(text: string): number {
  if (text === 'none') return 0
  const [, amount, unit = ''] = /^(\d+)(?: (\w+))?$/.exec(text) ?? []
  return Number(amount) * ({ '': 1, s: 1, h: 3600, KiB: 1024 }[unit] ?? Number.NaN)
}

t.test('the defaults in the table of limits are those of the settings', async (t) => {
  const rows = tableOf('docs/security.md', ['what', 'variable', 'default', 'answer'])
  t.ok(rows.length >= 15, `${rows.length}`)
  const defaults = new Map(describeVariables().map(({ name, info }) => [name, Number(info.fallback)]))
  for (const [, variable, text] of rows) {
    const name = variable!.slice(1, -1) as VariableName
    // 0 stands for a number that depends on another setting.
    const value = name === 'LB_MAX_SOCKETS' ? 4 * defaults.get('LB_MAX_CONNECTIONS')! : defaults.get(name)
    t.equal(value, parseValue(text!), name)
  }
})

/** The paths of the values that a schema describes, without the properties of lists. */
function pathsOf({ properties = {} }: { properties?: Record<string, object> }, prefix = ''): string[] {
  return Object.entries(properties).flatMap(([name, property]) => [
    `${prefix}${name}`,
    ...pathsOf(property, `${prefix}${name}.`)
  ])
}

t.test('the fields of the statistics are those that their schema has', async (t) => {
  const overall = pathsOf(statisticsSchema)
  const ofBackend = pathsOf(backend)
  const [text = '', textOfBackend = ''] = read('docs/statistics.md').split('\nFor each backend:\n')
  for (const [paths, section] of [
    [overall, text],
    [ofBackend, textOfBackend]
  ] as const) {
    const spans = new Set([...section.matchAll(/`([\w.]+)`/g)].map(([, span]) => span!))
    for (const path of paths) {
      const isGroup = paths.some((other) => other.startsWith(`${path}.`))
      const name = path.split('.').at(-1)!
      t.ok(isGroup || spans.has(path) || spans.has(name), `${path} is described`)
    }
    const rows = [...section.matchAll(/^\| `([\w.]+)`/gm)].map(([, name]) => name!)
    for (const name of rows) t.ok(paths.includes(name), `${name} exists`)
  }
})
