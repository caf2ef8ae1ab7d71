import { createServer } from 'node:net'
import type { Test } from 'tap'
import { test } from '../helper.js'
import { listen } from '../support/listen.js'
import { type Env, run } from '../support/processes.js'

/** What starts without routes, TLS and a log have no use for, among the files that they load. */
const UNUSED = {
  'other parts of undici': /undici.(index|lib.(web|api|cache))/,
  schemas: /node_modules.(ajv|fast-json-stringify.index)/,
  reports: /node_modules.(prom-client|pino-pretty|@opentelemetry)/,
  files: /node_modules.js-yaml|config.(file|shapes|routing)/,
  routing: /lib.(routing|proxy.route)/,
  'HTTP/2': /transport.http2.pool|listener.http2.acceptor/,
  'the PROXY protocol': /parse-header|per-client-pool/,
  limits: /access-control|rate-limiter/,
  'the access log': /line-writer/
}
/** Modules of Node that take next to nothing. */
const SMALL = ['os', 'process', 'timers/promises', 'tty']
const LOADED = `process.on('exit', () => console.log(Object.keys(require('node:module')._cache).join('\\n')));
  require('./dist/bin/lb.js')`

/** The parts of these that `lb` loads, asked as it finds its port in use: the last that can go wrong. */
async function loadedUnused(t: Test, env: Env): Promise<string[]> {
  const [, port = ''] = (await listen(t, createServer())).split(':')
  const { code, stdout, stderr } = await run(['-e', LOADED, '--', '-p', port, '-b', '127.0.0.1:1'], env)
  t.equal(code, 1)
  t.match(stderr, 'EADDRINUSE')
  t.match(stdout, 'dist/app/index.js')
  return Object.entries(UNUSED).flatMap(([name, pattern]) => (pattern.test(stdout) ? [name] : []))
}

test('a plain start loads nothing that it has no use for', async (t) => {
  t.same(await loadedUnused(t, {}), [])
})

test('the modules of Node are loaded while it has them compiled, which ends with the first flag of V8', async (t) => {
  const code = `const v8 = require('node:v8')
    const { builtinModules } = require('node:module')
    const loaded = () => builtinModules.filter((name) => process.moduleLoadList.includes('NativeModule ' + name))
    const { setFlagsFromString } = v8
    let early
    v8.setFlagsFromString = (flag) => {
      early ??= loaded()
      setFlagsFromString(flag)
    }
    process.on('exit', () => console.log('late:', ...loaded().filter((name) => !early.includes(name))))
    require('./dist/bin/lb.js')`
  const [, port = ''] = (await listen(t, createServer())).split(':')
  const { stdout } = await run(['-e', code, '--', '-p', port, '-b', '127.0.0.1:1'], {})
  const [, late = '?'] = /^late:(.*)$/m.exec(stdout) ?? []
  t.same(
    late.split(' ').filter((name) => name !== '' && !SMALL.includes(name)),
    []
  )
})
