import { createServer } from 'node:net'
import type { Test } from 'tap'
import { test } from '../helper.js'
import { listen } from '../support/listen.js'
import { type Env, run } from '../support/processes.js'

/** What starts without routes, TLS and a log have no use for, among the files that they load. */
const UNUSED = {
  'fastify-cli': /node_modules.fastify-cli/,
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

test('what fastify-cli is told by variables is done by it', async (t) => {
  t.same(await loadedUnused(t, { FASTIFY_LOG_LEVEL: 'fatal' }), ['fastify-cli'])
})
