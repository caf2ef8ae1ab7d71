import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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

const STALE = {
  code: 1,
  stdout: '',
  stderr: 'The build in dist/ is stale: the sources changed. Run "npm run build", then start again.\n'
}

// All of it with one copy, which each but the last leaves as it was.
t.test('what the start says of the build', async (t) => {
  const folder = copyOfProject(t)
  const at = (name: string) => path.join(folder, name)
  /** Starts while something is elsewhere. */
  const without = async (name: string) => {
    renameSync(at(name), at('away'))
    const ended = await start(folder)
    renameSync(at('away'), at(name))
    return ended
  }

  await t.test('a build of these very sources starts', async (t) => {
    const { code, stderr } = await start(folder)
    t.match(stderr, 'PORT must be')
    t.equal(code, 1)
  })

  await t.test('without a build, the start says so', async (t) => {
    t.same(await without('dist'), {
      code: 1,
      stdout: '',
      stderr: 'There is no build in dist/. Run "npm run build", then start again.\n'
    })
  })

  await t.test('a build that was cut short is none', async (t) => {
    t.match(await without('dist/sources.sha256'), { code: 1, stderr: 'There is no build in dist/' })
  })

  await t.test('with a stale build, the start says so, whichever source was changed', async (t) => {
    const changed = at('lib/base/http/request-target.ts')
    const content = readFileSync(changed)
    appendFileSync(changed, '// changed\n')
    t.same(await start(folder), STALE)
    writeFileSync(changed, content)
  })

  await t.test('or was added, or removed', async (t) => {
    const added = at('plugins/added.ts')
    appendFileSync(added, '')
    t.same(await start(folder), STALE)
    rmSync(added)
    t.match(await start(folder), { stderr: 'PORT must be' })
    t.same(await without('routes/proxy.ts'), STALE)
  })

  await t.test('an installed package has no sources to compare with', async (t) => {
    for (const part of ['fastify.config.ts', 'lib', 'plugins', 'routes', 'bin'])
      rmSync(at(part), { recursive: true })
    t.match(await start(folder), { code: 1, stderr: 'PORT must be' })
  })
})
