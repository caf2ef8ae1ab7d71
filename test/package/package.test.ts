import { execFile, spawn } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packed } from '../support/packed.js'
import { ROOT } from '../support/processes.js'
import { TYPES } from './consumer.js'

// A compiler and five processes of Node, one after the other.
t.setTimeout(120_000)

const run = promisify(execFile)
const MODULES = path.join(ROOT, 'node_modules')

/** A folder with the packed package installed in it, and what that depends on. */
async function installed(t: Test): Promise<string> {
  // Not below the project, where what is missing in the package would be found all the same.
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-package-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const modules = path.join(folder, 'node_modules')
  mkdirSync(path.join(modules, '.bin'), { recursive: true })
  await run('tar', ['-xzf', await packed(), '-C', folder])
  renameSync(path.join(folder, 'package'), path.join(modules, 'fairlead'))
  const { dependencies, bin } = JSON.parse(
    readFileSync(path.join(modules, 'fairlead', 'package.json'), 'utf8')
  )
  for (const name of [...Object.keys(dependencies), '@types/node', 'undici-types']) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true })
    symlinkSync(path.join(MODULES, name), path.join(modules, name), 'junction')
  }
  for (const [name, file] of Object.entries<string>(bin))
    symlinkSync(path.join('..', 'fairlead', file), path.join(modules, '.bin', name))
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }')
  return folder
}

async function backends(t: Test): Promise<{ LEFT: string; RIGHT: string }> {
  const addresses = await Promise.all(
    ['left', 'right'].map(async (name) => {
      const server: Server = createServer((req, res) => res.end(`${name} ${req.url}`))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.teardown(() => {
        server.closeAllConnections()
        server.close()
      })
      return `127.0.0.1:${(server.address() as AddressInfo).port}`
    })
  )
  return { LEFT: addresses[0]!, RIGHT: addresses[1]! }
}

/** Uses both of what a package gives, and says what came of it. */
const USE = `
async function use(name, Fastify, fairlead, createLoadBalancer) {
  const app = Fastify()
  app.get('/own', async () => 'own')
  await app.register(fairlead, { prefix: '/left', backends: [process.env.LEFT] })
  await app.register(fairlead, { prefix: '/right', backends: process.env.RIGHT, name: 'r', rewritePrefix: '/v2' })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const texts = await Promise.all(['/own', '/left/a', '/right/b'].map(async (path) => (await fetch(url + path)).text()))
  const lb = createLoadBalancer({ backends: [process.env.LEFT], noHealthCheck: true })
  const lbUrl = await lb.listen({ host: '127.0.0.1', port: 0 })
  texts.push(await (await fetch(lbUrl + '/c')).text(), String(lb.fairlead.pool().stats().requests.total))
  const routed = createLoadBalancer({
    pools: { a: { backends: process.env.LEFT, noHealthCheck: true }, b: { backends: process.env.RIGHT, noHealthCheck: true } },
    routes: [{ match: { path: '/b' }, pool: 'b' }, { pool: 'a' }]
  })
  const routedUrl = await routed.listen({ host: '127.0.0.1', port: 0 })
  for (const path of ['/a', '/b']) texts.push(await (await fetch(routedUrl + path)).text())
  console.log(JSON.stringify([name, ...texts, app.fairlead.names]))
  await routed.close()
  await lb.close()
  await app.close()
}
`

/** By kind of module, each of the names by which a package gets at it. */
const CONSUMERS = {
  'imported.mjs': `import Fastify from 'fastify'
import fairlead, { createLoadBalancer, fairlead as named } from 'fairlead'
${USE}
await use('default', Fastify, fairlead, createLoadBalancer)
await use('named', Fastify, named, createLoadBalancer)`,
  'required.cjs': `const fairlead = require('fairlead')
const { default: named, createLoadBalancer } = fairlead
${USE}
const Fastify = require('fastify')
use('default', Fastify, fairlead, createLoadBalancer).then(() => use('named', Fastify, named, createLoadBalancer))`
}

t.test('the packed package', async (t) => {
  const folder = await installed(t)

  await t.test('holds no tests, no sources and no part of the development', async (t) => {
    const inside = readdirSync(path.join(folder, 'node_modules/fairlead'), {
      recursive: true,
      encoding: 'utf8'
    })
    t.ok(inside.includes(path.join('dist', 'index.d.ts')))
    t.same(
      inside.filter((name) =>
        /^(?:lib|plugins|test|bench|dist\/(?:test|bench|soak|chaos))(?:\/|$)/.test(name)
      ),
      []
    )
  })

  for (const [name, source] of Object.entries(CONSUMERS)) {
    await t.test(`is a plugin and a server for ${name}`, async (t) => {
      writeFileSync(path.join(folder, name), source)
      const env = { ...(await backends(t)), LB_BACKENDS: 'wrong:', PATH: process.env.PATH }
      const { stdout } = await run(process.execPath, [name], { cwd: folder, env })
      const seen = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      const right = ['own', 'left /a', 'right /v2/b', 'left /c', '1', 'left /a', 'right /b', ['/left', 'r']]
      t.same(seen, [
        ['default', ...right],
        ['named', ...right]
      ])
    })
  }

  await t.test('has types for modules of both kinds', async (t) => {
    const tsc = path.join(MODULES, 'typescript/bin/tsc')
    for (const [name, source] of Object.entries(TYPES)) writeFileSync(path.join(folder, name), source)
    const strict = [
      ...['--noEmit', '--strict', '--target', 'es2023', '--skipLibCheck', 'false'],
      // The language's own types are not what is asked of here; and several checkers do the same work each.
      ...['--skipDefaultLibCheck', '--checkers', '1']
    ]
    // Collecting garbage is a fourth of what the compiler does.
    const env = { ...process.env, GOGC: '400' }
    const check = async (files: readonly string[], options: readonly string[]) => {
      const args = [tsc, ...strict, ...options, ...files]
      const { stdout } = await run(process.execPath, args, { cwd: folder, env }).catch((error) => error)
      t.equal(stdout, '', options.join(' '))
    }
    await Promise.all([
      check(['esm.mts', 'cjs.cts'], ['--module', 'nodenext']),
      check(['bundled.ts'], ['--module', 'esnext', '--moduleResolution', 'bundler'])
    ])
  })

  await t.test('has a command of its own name', async (t) => {
    const { LEFT } = await backends(t)
    // As npm links it, and npx starts it.
    const command = path.join(folder, 'node_modules/.bin/fairlead')
    const args = ['-p', '0', '-b', LEFT, '--no-health-check']
    const child = spawn(command, args, { cwd: folder, env: { PATH: process.env.PATH } })
    t.teardown(() => child.kill('SIGTERM'))
    const port = await new Promise<number>((resolve, reject) => {
      let log = ''
      const onData = (text: Buffer) => {
        log += text
        const found = /listening at http:\/\/\S*:(\d+)/.exec(log)
        if (found) resolve(Number(found[1]))
      }
      child.stdout.on('data', onData)
      child.stderr.on('data', onData)
      child.once('exit', () => reject(new Error(`it has ended: ${log}`)))
    })
    t.equal(await (await fetch(`http://127.0.0.1:${port}/x`)).text(), 'left /x')
  })
})
