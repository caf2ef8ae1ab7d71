import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { ROOT } from './support/processes.js'

/** From the bottom up. A floor imports from itself and from those below it. */
const FLOORS = ['lib', 'plugins', 'routes', 'app', 'bin']
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
