import { test } from '../helper.js'
import { run } from '../support/processes.js'

/** Serves a plain request and one in chunks, and prints their bodies with what was loaded before and after. */
const script = (mode: string) => `
const http = require('node:http')
const { createLoadBalancer } = require('./dist/index.js')
const loaded = () => ['@fastify/reply-from', 'undici'].filter((name) => require.resolve(name) in require.cache)
const ask = (port, method, chunks) => new Promise((resolve, reject) => {
  const req = http.request({ port, method }, (res) => {
    let body = ''
    res.setEncoding('utf8').on('data', (text) => (body += text)).on('end', () => resolve(body))
  }).on('error', reject)
  for (const chunk of chunks) req.write(chunk)
  req.end()
})
const backend = http.createServer((req, res) => req.pipe(res.writeHead(200, { 'x-method': req.method }))).listen(0, async () => {
  const lb = createLoadBalancer({ backends: '127.0.0.1:' + backend.address().port, noHealthCheck: true, lane: '${mode}' })
  await lb.listen({ port: 0 })
  const before = loaded()
  const body = await ask(lb.server.address().port, 'POST', ['one', 'two'])
  console.log(JSON.stringify({ body, before, after: loaded() }))
  process.exit(0)
})`

for (const [mode, loaded] of [
  ['auto', []],
  ['routed', ['@fastify/reply-from', 'undici']],
  ['off', ['@fastify/reply-from', 'undici']]
] as const)
  test(`what only the way through the router needs is loaded before the first request, or never (${mode})`, async (t) => {
    const { stdout, stderr } = await run(['-e', script(mode)], {})
    t.equal(stderr, '')
    t.same(JSON.parse(stdout), { body: 'onetwo', before: loaded, after: loaded })
  })
