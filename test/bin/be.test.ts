import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { CommandProcess, freePort } from '../../scenarios/processes.js'

const LISTENING = /be "(.*)" listening on http:\/\/(\S+):(\d+)\n/

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

interface Call {
  method?: string
  headers?: Record<string, string>
  body?: string
  agent?: Agent
}

async function start(t: Test, ...args: string[]) {
  const be = new CommandProcess('be', ['-p', '0', ...args])
  t.teardown(() => be.stop())
  const port = Number((await be.waitForOutput(LISTENING))[3])
  return { be, port, call: (path: string, options?: Call) => call(port, path, options) }
}

function call(port: number, path: string, { body, ...options }: Call = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path, ...options }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      res.on('end', () => resolve({ status: res.statusCode!, headers: res.headers, body: text }))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}

const stats = async (port: number) => JSON.parse((await call(port, '/__be/stats')).body)
const set = (port: number, settings: unknown, headers: Record<string, string> = {}) =>
  call(port, '/__be/set', { method: 'POST', headers, body: JSON.stringify(settings) })

async function untilInFlight(port: number): Promise<void> {
  while ((await stats(port)).inFlight < 1) await delay(10)
}

/** Whether connections are refused: at the moment of closing, those under way may also be reset. */
async function untilRefused(port: number): Promise<void> {
  for (let code = ''; code !== 'ECONNREFUSED'; await delay(10)) {
    code = await call(port, '/health').then(
      () => '',
      (error) => error.code
    )
  }
}

t.test('says who answered, and counts', async (t) => {
  const { be, port, call } = await start(t, '-c', 'Server A')
  t.match(be.output, `be "Server A" listening on http://127.0.0.1:${port}\n`)

  const first = await call('/any/path?x=1')
  t.equal(first.status, 200)
  t.equal(first.body, `Server A (port ${port}), request 1\n`)
  t.equal(first.headers['content-type'], 'text/plain')
  t.equal(first.headers['x-backend'], String(port))
  t.equal(first.headers['content-length'], String(first.body.length))

  t.match(await call('/health'), { status: 200, body: 'ok' })
  t.equal((await call('/', { method: 'POST', body: 'hello' })).body, `Server A (port ${port}), request 2\n`)
  t.equal((await call('/', { method: 'HEAD' })).body, '')

  t.match(await stats(port), {
    port,
    pid: be.pid,
    content: 'Server A',
    requests: 3,
    inFlight: 0,
    aborted: 0,
    bytesReceived: 5,
    healthChecks: 1,
    behaviour: { latencyMs: 0, status: 200 }
  })
})

t.test('counts the body length of text that is not ASCII', async (t) => {
  const { port, call } = await start(t, '--content', 'Köln')
  t.equal((await call('/')).body, `Köln (port ${port}), request 1\n`)
})

t.test('answers slowly, with another status, another length, in chunks', async (t) => {
  const { call } = await start(
    t,
    '--latency',
    '150',
    '--jitter',
    '10',
    '--status',
    '418',
    '--size',
    '200k',
    '--chunked'
  )
  const startMs = performance.now()
  const { status, headers, body } = await call('/')
  t.ok(performance.now() - startMs >= 145, 'took its time')
  t.equal(status, 418)
  t.equal(headers['transfer-encoding'], 'chunked')
  t.notOk(headers['content-length'])
  t.equal(body.length, 200 * 1024)
})

t.test('answers in chunks without a given length', async (t) => {
  const { port, call } = await start(t, '--chunked')
  const { headers, body } = await call('/')
  t.equal(headers['transfer-encoding'], 'chunked')
  t.equal(body, `Backend (port ${port}), request 1\n`)
})

t.test('answers without a body where the status has none', async (t) => {
  const { call } = await start(t, '--status', '204', '--size', '10')
  const { status, headers, body } = await call('/')
  t.equal(status, 204)
  t.notOk(headers['content-length'])
  t.equal(body, '')
})

t.test('fails and resets the share that it is told', async (t) => {
  const { port, call } = await start(t, '--fail-rate', '1')
  t.equal((await call('/')).status, 500)
  t.equal((await set(port, { failRate: 0, resetRate: 1 })).status, 200)
  await t.rejects(call('/'), { code: 'ECONNRESET' })
  t.match(await stats(port), { requests: 2, failed: 1, reset: 1, aborted: 0 })
})

t.test('its health has a status and a latency of its own', async (t) => {
  const { call } = await start(t, '--health-status', '503', '--health-latency', '100')
  const startMs = performance.now()
  t.match(await call('/health?deep'), { status: 503, body: 'not ok' })
  t.ok(performance.now() - startMs >= 95, 'took its time')
  t.equal((await call('/')).status, 200)
})

t.test('echoes body, type and raw target', async (t) => {
  const { port, call } = await start(t, '--echo')
  const body = 'x'.repeat(300_000)
  const echoed = await call('/a/./b//%zz?q=%20', {
    method: 'PUT',
    headers: { 'content-type': 'application/x-thing' },
    body
  })
  t.equal(echoed.body, body)
  t.equal(echoed.headers['content-type'], 'application/x-thing')
  t.equal(echoed.headers['content-length'], String(body.length))
  t.equal(echoed.headers['x-echo-target'], '/a/./b//%zz?q=%20')
  t.equal(echoed.headers['x-echo-method'], 'PUT')

  const chunked = await call('/', {
    method: 'POST',
    headers: { 'transfer-encoding': 'chunked' },
    body: 'abc'
  })
  t.equal(chunked.headers['transfer-encoding'], 'chunked')
  t.equal(chunked.body, 'abc')

  t.match(await call('/'), { body: '', headers: { 'content-length': '0' } })
  await set(port, { latency: 50 })
  t.equal((await call('/', { method: 'POST', body: 'late' })).body, 'late')
  t.equal((await stats(port)).bytesReceived, body.length + 7)
})

t.test('notes a client that leaves', async (t) => {
  const { port } = await start(t, '--latency', '60000')
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
  await once(socket, 'connect')
  await untilInFlight(port)
  socket.destroy()
  while ((await stats(port)).aborted < 1) await delay(10)
  t.match(await stats(port), { requests: 1, inFlight: 0, aborted: 1 })
})

t.test('changes its settings while it runs', async (t) => {
  const { be, port, call } = await start(t)
  const changed = await set(port, { content: 'Other', status: 503, healthStatus: 500, size: '1k' })
  t.equal(changed.status, 200)
  t.match(JSON.parse(changed.body), { content: 'Other', status: 503, healthStatus: 500, sizeBytes: 1024 })
  t.match(await call('/'), { status: 503, body: /^.{36}\n/ })
  t.equal((await call('/health')).status, 500)
  await be.waitForOutput(/be set \{"content":"Other"/)

  await set(port, { size: null, status: 200 })
  t.match(await call('/'), { status: 200, body: `Other (port ${port}), request 2\n` })
})

t.test('refuses settings that are wrong, all or none', async (t) => {
  const { port, call } = await start(t)
  const wrong = await set(port, { latency: -1, failRate: 2, status: '200', colour: 'red', echo: 'yes' })
  t.equal(wrong.status, 400)
  const { error } = JSON.parse(wrong.body)
  t.match(error, 'latency must be a number of milliseconds, 0 or more, but is -1')
  t.match(error, 'failRate must be a share from 0 to 1, but is 2')
  t.match(error, 'colour is not a setting')
  t.match(error, 'echo must be true or false')
  t.notMatch(error, 'status must')
  t.match(await stats(port), { behaviour: { latencyMs: 0, status: 200 } })

  t.equal((await call('/__be/set', { method: 'POST', body: '{' })).status, 400)
  t.equal((await set(port, [1])).status, 400)
  t.equal((await set(port, { content: 'x'.repeat(70_000) })).status, 413)
  t.match(await call('/__be/set'), { status: 405, headers: { allow: 'POST' } })
  t.equal((await call('/__be/other')).status, 404)
  t.equal((await set(port, {}, { 'x-forwarded-for': '203.0.113.9' })).status, 403, 'not through a proxy')
})

t.test('wrong options end it with a message', async (t) => {
  const wrong: [string[], RegExp][] = [
    [['-p', '70000'], /'70000' is invalid\. It must be a whole number from 0 to 65535/],
    [['--latency', 'soon'], /'soon' is invalid\. It must be a number of milliseconds/],
    [['--fail-rate', '1.5'], /'1\.5' is invalid\. It must be a share from 0 to 1/],
    [['--status', '99'], /'99' is invalid\. It must be a status code from 200 to 599/],
    [['--size', '10q'], /'10q' is invalid\. It must be a number of bytes/],
    [['--no-such'], /unknown option '--no-such'/],
    [['stray'], /too many arguments/],
    [['-a', '203.0.113.1', '-p', '0'], /^be: .*203\.0\.113\.1/]
  ]
  await Promise.all(
    wrong.map(async ([args, message]) => {
      const be = new CommandProcess('be', args)
      t.teardown(() => be.stop())
      t.same(await be.exited, { code: 1, signal: null }, args.join(' '))
      t.match(be.output, message)
      t.equal(be.output.trim().split('\n').length, 1, 'one line')
    })
  )
})

t.test('says that a port is in use', async (t) => {
  const server = createServer().listen(0)
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const be = new CommandProcess('be', ['-p', String(port)])
  t.same(await be.exited, { code: 1, signal: null })
  t.equal(be.output, `be: port ${port} is in use: choose another one with --port\n`)
})

t.test('listens on a Unix socket, also where one is left that nobody listens on', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'be-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socket = path.join(folder, 'be.sock')
  const ask = (target: string, options: { method?: string; body?: string } = {}) =>
    new Promise<string>((resolve, reject) => {
      const { body, ...rest } = options
      const req = request({ socketPath: socket, path: target, ...rest }, async (res) => {
        resolve((await res.toArray()).join(''))
      })
      req.on('error', reject).end(body)
    })
  const first = new CommandProcess('be', ['-s', socket, '-c', 'A'])
  await first.waitForOutput(new RegExp(`be "A" listening on unix:${socket}\\n`))
  t.equal(await ask('/'), `A (socket ${socket}), request 1\n`)
  t.match(JSON.parse(await ask('/__be/stats')), { port: 0, socket, requests: 1 })
  const set = await ask('/__be/set', { method: 'POST', body: '{"resetRate":1}' })
  t.match(JSON.parse(set), { resetRate: 1 })
  await t.rejects(ask('/'), { code: 'ECONNRESET' })
  const second = new CommandProcess('be', ['-s', socket])
  t.same(await second.exited, { code: 1, signal: null })
  t.equal(second.output, `be: ${socket} is in use: choose another one with --socket\n`)
  first.kill('SIGKILL')
  await first.exited
  t.ok(existsSync(socket))
  const third = new CommandProcess('be', ['-s', socket, '-c', 'C'])
  t.teardown(() => third.stop())
  await third.waitForOutput(/listening/)
  t.match(await ask('/'), /^C /)
  const long = new CommandProcess('be', ['-s', `/${'x'.repeat(108)}`])
  t.same(await long.exited, { code: 1, signal: null })
  t.match(long.output, 'must have no more than')
  const nowhere = new CommandProcess('be', ['-s', path.join(socket, 'x')])
  t.same(await nowhere.exited, { code: 1, signal: null })
  t.match(nowhere.output, /^be: .* cannot be listened on: E[A-Z]+\n$/)
})

t.test('listens on the address it is told, and says nothing if told so', async (t) => {
  const { be } = await start(t, '-a', '127.0.0.1')
  t.match(be.output, /listening on http:\/\/127\.0\.0\.1:/)

  const port = await freePort()
  const quiet = new CommandProcess('be', ['-p', String(port), '-q'])
  t.teardown(() => quiet.stop())
  while (!(await call(port, '/').catch(() => undefined))) await delay(20)
  await set(port, { latency: 1 })
  t.same(await quiet.stop(), { code: 0, signal: null })
  t.equal(quiet.output, '')
})

t.test('shows help', async (t) => {
  const be = new CommandProcess('be', ['-h'])
  t.same(await be.exited, { code: 0, signal: null })
  t.match(be.output, /Usage: be \[options\]/)
  t.match(be.output, /--reset-rate <share>/)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal}: answers what is in flight, then ends`, async (t) => {
    const { be, port } = await start(t, '--latency', '1000')
    const agent = new Agent({ keepAlive: true })
    t.teardown(() => agent.destroy())
    const answer = call(port, '/', { agent })
    await untilInFlight(port)
    be.kill(signal)
    await untilRefused(port)
    t.match(await answer, { status: 200, headers: { connection: 'close' } })
    t.same(await be.exited, { code: 0, signal: null })
    t.match(be.output, 'be stopped after 1 requests')
  })
}

t.test('a second signal ends it at once', async (t) => {
  const { be, port } = await start(t, '--latency', '60000')
  const failed = t.rejects(call(port, '/'))
  await untilInFlight(port)
  be.kill('SIGTERM')
  await untilRefused(port)
  be.kill('SIGTERM')
  t.same(await be.exited, { code: 0, signal: null })
  await failed
})
