import { appendFileSync, cpSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { FASTIFY, ROOT, run } from './support/processes.js'

const PARTS = [
  '.env',
  'package.json',
  'fastify.config.ts',
  'index.ts',
  'app',
  'bin',
  'lib',
  'plugins',
  'routes'
]
const BUILT = [
  'package.json',
  'fastify.config.js',
  'sources.sha256',
  'app',
  'bin',
  'lib',
  'plugins',
  'routes'
]

/** A copy of the project as it is built, without its tests. */
function copyOfProject(t: Test): string {
  const folder = t.testdir()
  for (const part of PARTS) cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true })
  for (const part of BUILT)
    cpSync(path.join(ROOT, 'dist', part), path.join(folder, 'dist', part), { recursive: true })
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'junction')
  return folder
}

// What a start comes to when the build is good: the configuration is read, and refused.
const start = (folder: string) => run([FASTIFY, 'start', 'app'], { PORT: 'wrong' }, folder)

t.test('a build of these very sources starts', async (t) => {
  const { code, stderr } = await start(copyOfProject(t))
  t.match(stderr, 'PORT must be')
  t.equal(code, 1)
})

t.test('without a build, the start says so', async (t) => {
  const folder = copyOfProject(t)
  rmSync(path.join(folder, 'dist'), { recursive: true })
  t.same(await start(folder), {
    code: 1,
    stdout: '',
    stderr: 'There is no build in dist/. Run "npm run build", then start again.\n'
  })
})

t.test('a build that was cut short is none', async (t) => {
  const folder = copyOfProject(t)
  rmSync(path.join(folder, 'dist/sources.sha256'))
  t.match(await start(folder), { code: 1, stderr: 'There is no build in dist/' })
})

const STALE = {
  code: 1,
  stdout: '',
  stderr: 'The build in dist/ is stale: the sources changed. Run "npm run build", then start again.\n'
}

t.test('with a stale build, the start says so, whichever source was changed', async (t) => {
  const folder = copyOfProject(t)
  appendFileSync(path.join(folder, 'lib/base/http/request-target.ts'), '// changed\n')
  t.same(await start(folder), STALE)
})

t.test('or was added, or removed', async (t) => {
  const folder = copyOfProject(t)
  const added = path.join(folder, 'plugins/added.ts')
  appendFileSync(added, '')
  t.same(await start(folder), STALE)
  rmSync(added)
  t.match(await start(folder), { stderr: 'PORT must be' })
  rmSync(path.join(folder, 'routes/proxy.ts'))
  t.same(await start(folder), STALE)
})

t.test('an installed package has no sources to compare with', async (t) => {
  const folder = copyOfProject(t)
  for (const part of ['fastify.config.ts', 'lib', 'plugins', 'routes', 'bin'])
    rmSync(path.join(folder, part), { recursive: true })
  t.match(await start(folder), { code: 1, stderr: 'PORT must be' })
})
