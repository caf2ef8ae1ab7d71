import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import {
  atEnd,
  type Balancer,
  eventually,
  inFlight,
  sleep,
  startBalancer,
  test,
  withoutChance
} from '../helper.js'
import { Http2Client } from '../support/http2-client.js'
import { listen } from '../support/listen.js'
import { type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { echo, switching, upgrade } from '../support/tunnel.js'
import { fieldValue, fieldValues, type Message, statusOf } from '../support/wire.js'

const SECRET = 'sixteen or more characters'
const STICKY = { LB_STICKY_COOKIE: 'lb', LB_STICKY_SECRET: SECRET }

const named = (name: string) =>
  `HTTP/1.1 200 OK\r\nSet-Cookie: app=${name}\r\nContent-Length: ${name.length}\r\n\r\n${name}`
const get = (path = '/', ...lines: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')

/** Backends that answer with their names. */
function backends(t: Test, ...names: string[]): Promise<RawBackend[]> {
  return Promise.all(names.map((name) => scripted(t, (_request, socket) => void socket.write(named(name)))))
}

/** The balancer's own cookie in a response, if there is one: its line, and what a client sends back. */
function cookieIn({ fields }: Message): { line: string; sent: string } | undefined {
  const lines = fieldValues(fields, 'set-cookie').filter((line) => line.startsWith('lb='))
  if (lines.length > 1) throw new Error('it is there twice')
  const [line] = lines
  return line === undefined ? undefined : { line, sent: `Cookie: ${line.split(';')[0]}` }
}

/** A client whose first answer gave it a cookie. */
async function session(t: Test, { port }: Balancer, ...lines: string[]) {
  const first = await exchange(t, port, get('/', ...lines))
  const { sent } = cookieIn(first)!
  return {
    name: `${first.body}`,
    cookie: sent,
    ask: (path?: string) => exchange(t, port, get(path, sent))
  }
}

test('the first answer sets the cookie, the others do not, and the client stays', async (t) => {
  const servers = await backends(t, 'a', 'b', 'c')
  const balancer = await startBalancer(t, servers, STICKY)
  const first = await exchange(t, balancer.port, get())
  const { line, sent } = cookieIn(first)!
  t.match(line, /^lb=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/)
  t.same(fieldValues(first.fields, 'set-cookie'), [`app=${first.body}`, line], "the backend's own goes on")
  for (let i = 0; i < 10; i++) {
    const { body, fields } = await exchange(t, balancer.port, get('/', `${sent}; a=b`))
    t.equal(`${body}`, `${first.body}`)
    t.same(fieldValues(fields, 'set-cookie'), [`app=${body}`])
  }
  const own = servers['abc'.indexOf(`${first.body}`)]!
  t.equal(own.requests.length, 11)
  t.equal(fieldValue(own.requests[1]!.fields, 'cookie'), `${sent.slice('Cookie: '.length)}; a=b`)
})

test('a cookie that is none of ours is replaced', async (t) => {
  const balancer = await startBalancer(t, await backends(t, 'a', 'b'), STICKY)
  for (const cookie of ['Cookie: lb=', 'Cookie: lb=0', `Cookie: lb=${'A'.repeat(22)}`, 'Cookie: xlb=1'])
    t.ok(cookieIn(await exchange(t, balancer.port, get('/', cookie))), cookie)
})

test('of several cookies of the name the one counts that is ours, in one field or in several', async (t) => {
  const balancer = await startBalancer(t, await backends(t, 'a', 'b', 'c'), { ...STICKY, LB_H2C: 'true' })
  const { name, cookie } = await session(t, balancer)
  const own = cookie.slice('Cookie: '.length)
  const client = await Http2Client.open(t, balancer.port)
  for (const fields of [
    [`lb=junk; ${own}`],
    [`${own}; lb=junk`],
    ['lb=junk', own],
    ['a=1; lb=x.y', `b=2; ${own}`, 'lb=""'],
    [`lb=${'A'.repeat(22)}`, 'LB=x', '', `lb=; ${own}`]
  ])
    for (let i = 0; i < 5; i++) {
      const response = await exchange(
        t,
        balancer.port,
        get('/', ...fields.map((field) => `Cookie: ${field}`))
      )
      t.same([`${response.body}`, cookieIn(response)], [name, undefined], fields.join(' / '))
      const { body, headers } = await client.ask({ ':path': '/', cookie: fields })
      t.same([body, headers['set-cookie']], [name, [`app=${name}`]], `by HTTP/2: ${fields.join(' / ')}`)
    }
})

test('the cookie has the attributes that are set', async (t) => {
  const { port } = await startBalancer(t, await backends(t, 'a'), {
    ...STICKY,
    LB_STICKY_PATH: '/app',
    LB_STICKY_DOMAIN: 'app.test',
    LB_STICKY_SAME_SITE: 'None',
    LB_STICKY_MAX_AGE: '60',
    LB_STICKY_SECURE: 'always',
    LB_STICKY_HTTP_ONLY: 'false',
    LB_STICKY_PARTITIONED: 'true'
  })
  const { line } = cookieIn(await exchange(t, port, get()))!
  t.match(line, /^lb=[\w-]{22}; Path=\/app; Domain=app.test; SameSite=None; Max-Age=60; Partitioned; Secure$/)
})

test('another balancer with the same secret keeps the client where it was', async (t) => {
  const servers = await backends(t, 'a', 'b', 'c')
  const one = await startBalancer(t, servers, STICKY)
  const other = await startBalancer(t, [...servers].reverse(), STICKY)
  for (let i = 0; i < 6; i++) {
    const { name, cookie } = await session(t, one)
    const response = await exchange(t, other.port, get('/', cookie))
    t.equal(`${response.body}`, name)
    t.equal(cookieIn(response), undefined)
  }
})

test('a drain moves the session, with a new cookie', async (t) => {
  const balancer = await startBalancer(t, await backends(t, 'a', 'b'), STICKY)
  const { name, ask } = await session(t, balancer)
  balancer.registry.setDraining(balancer.registry.backends['ab'.indexOf(name)]!, true, 'test')
  const moved = await ask()
  t.not(`${moved.body}`, name)
  const there = await exchange(t, balancer.port, get('/', cookieIn(moved)!.sent))
  t.equal(`${there.body}`, `${moved.body}`)
  t.equal(cookieIn(there), undefined)
})

test('a backend that is killed loses its sessions to the others, and no client notices', async (t) => {
  const servers = await backends(t, 'a', 'b')
  const balancer = await startBalancer(t, servers, STICKY)
  const { name, ask } = await session(t, balancer)
  await servers['ab'.indexOf(name)]!.stop()
  const moved = await ask()
  t.equal(statusOf(moved), 200)
  t.not(`${moved.body}`, name)
  t.ok(cookieIn(moved))
})

test('a session survives an idle connection that its backend closes under a request', async (t) => {
  withoutChance(t)
  const seen = new Map<Socket, number>()
  const fickle = await scripted(t, (_request, socket) => {
    const count = (seen.get(socket) ?? 0) + 1
    seen.set(socket, count)
    if (count === 1) socket.write(named('a'))
    else socket.resetAndDestroy()
  })
  const balancer = await startBalancer(t, [fickle, ...(await backends(t, 'b'))], STICKY)
  const { name, ask } = await session(t, balancer)
  t.equal(name, 'a')
  for (let i = 0; i < 4; i++) t.equal(`${(await ask()).body}`, 'a')
  t.equal(balancer.stats().backends[1]!.total, 0)
  await fickle.stop()
  t.equal(`${(await ask()).body}`, 'b', 'unless it is gone')
})

test('it goes back to its backend once, over a new connection: if that breaks too, to the next one', async (t) => {
  const fresh: Socket[] = []
  const seen = new Set<Socket>()
  let isBreaking = false
  const fickle = await scripted(t, (_request, socket) => {
    if (seen.has(socket) || isBreaking) socket.resetAndDestroy()
    else fresh.push(socket)
    seen.add(socket)
  })
  const balancer = await startBalancer(t, [fickle, ...(await backends(t, 'b'))], STICKY)
  const other = balancer.registry.backends[1]!
  balancer.registry.setDraining(other, true, 'test')
  const clients = [await RawClient.open(t, balancer.port), await RawClient.open(t, balancer.port)]
  for (const client of clients) client.send(get())
  await eventually(() => fresh.length === 2)
  for (const socket of fresh) socket.write(named('a'))
  const [first] = await Promise.all(clients.map((client) => client.response()))
  balancer.registry.setDraining(other, false, 'test')
  isBreaking = true
  t.equal(`${(await exchange(t, balancer.port, get('/', cookieIn(first!)!.sent))).body}`, 'b')
  t.match(balancer.stats().backends, [{ failed: 2, total: 4 }, { total: 1 }])
  t.equal(fickle.connections, 3)
})

test('a request that fails is answered by another backend, and the session stays', async (t) => {
  withoutChance(t)
  let broken = false
  const own = await scripted(t, (_request, socket) => {
    if (broken) socket.resetAndDestroy()
    else socket.end(named('a').replace('Content-Length', 'Connection: close\r\nContent-Length'))
  })
  const balancer = await startBalancer(t, [own, ...(await backends(t, 'b'))], STICKY)
  const { ask } = await session(t, balancer)
  broken = true
  const instead = await ask()
  t.equal(`${instead.body}`, 'b')
  t.equal(cookieIn(instead), undefined)
  broken = false
  t.equal(`${(await ask()).body}`, 'a')
})

test('a request of a session is not hedged, and one of a new client is', async (t) => {
  withoutChance(t)
  let delayMs = 0
  const slow = await scripted(t, (_request, socket) => {
    if (delayMs > 0) setTimeout(() => socket.write(named('s')), delayMs)
    else socket.write(named('s'))
  })
  const balancer = await startBalancer(t, [slow, ...(await backends(t, 'b'))], {
    ...STICKY,
    LB_HEDGE: 'true',
    LB_STALL_TIMEOUT: '0'
  })
  const { name, ask } = await session(t, balancer)
  t.equal(name, 's')
  for (let i = 0; i < 20; i++) await ask()
  // Until it knows how long requests take.
  await sleep(1100)
  delayMs = 600
  t.equal(`${(await ask()).body}`, 's')
  t.equal(balancer.stats().backends[1]!.hedges, 0)
  const hedged = await exchange(t, balancer.port, get())
  t.equal(`${hedged.body}`, 'b')
  t.match(cookieIn(hedged)!.line, /^lb=/)
  t.equal(balancer.stats().backends[1]!.hedges, 1)
})

test('LB_STICKY_MAX_AGE, and Secure by the word of a trusted proxy', async (t) => {
  const servers = await backends(t, 'a')
  const lines: string[] = []
  for (const trusted of ['127.0.0.1', '']) {
    const env = { ...STICKY, LB_STICKY_MAX_AGE: '3600', LB_TRUSTED_PROXIES: trusted }
    const { port } = await startBalancer(t, servers, env)
    for (const proto of ['https', 'http'])
      lines.push(cookieIn(await exchange(t, port, get('/', `X-Forwarded-Proto: ${proto}`)))!.line)
  }
  const line = `${lines[1]!.split(';')[0]}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600`
  t.same(lines, [`${line}; Secure`, line, line, line])
})

test('LB_STICKY_SECURE: never, whatever a trusted proxy says', async (t) => {
  const env = { ...STICKY, LB_STICKY_SECURE: 'never', LB_TRUSTED_PROXIES: '127.0.0.1' }
  const { port } = await startBalancer(t, await backends(t, 'a'), env)
  t.notMatch(cookieIn(await exchange(t, port, get('/', 'X-Forwarded-Proto: https')))!.line, 'Secure')
})

test('an answer of any kind carries the cookie, and one of the balancer itself does not', async (t) => {
  const server = await scripted(t, ({ startLine }, socket) => {
    const status = /(\d+)/.exec(startLine)![1]
    if (status === '204' || status === '304') socket.write(`HTTP/1.1 ${status} x\r\n\r\n`)
    else if (status === '103') socket.write(`HTTP/1.1 103 x\r\nLink: <a>\r\n\r\n${named('a')}`)
    else socket.write(`HTTP/1.1 ${status} x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`)
  })
  const balancer = await startBalancer(t, [server], { ...STICKY, LB_NO_EJECTION: 'true' })
  for (const status of ['200', '204', '304', '404', '500'])
    t.ok(cookieIn(await exchange(t, balancer.port, get(`/${status}`))), status)
  const client = await RawClient.open(t, balancer.port)
  client.send(get('/103'))
  t.equal(cookieIn(await client.next()), undefined, 'an interim response')
  t.ok(cookieIn(await client.next()))
  client.socket.destroy()
  const head = await exchange(t, balancer.port, get('/200').replace('GET', 'HEAD'), { head: true })
  t.ok(cookieIn(head))
  balancer.registry.setDraining(balancer.registry.backends[0]!, true, 'test')
  const refused = await exchange(t, balancer.port, get('/200'))
  t.equal(statusOf(refused), 503)
  t.equal(cookieIn(refused), undefined)
})

test('pipelined requests are of one client or of several, each by its own cookie', async (t) => {
  const servers = await backends(t, 'a', 'b')
  const balancer = await startBalancer(t, servers, { ...STICKY, LB_ALGORITHM: 'round-robin' })
  const [one, other] = [await session(t, balancer), await session(t, balancer)]
  t.not(one.name, other.name)
  const client = await RawClient.open(t, balancer.port)
  const cookies = [one.cookie, other.cookie, 'Cookie: a=b', one.cookie, one.cookie, other.cookie]
  client.send(cookies.map((cookie) => get('/', cookie)).join(''))
  const got: [string, boolean][] = []
  for (const _ of cookies) {
    const response = await client.response()
    got.push([`${response.body}`, cookieIn(response) !== undefined])
  }
  const wanted = [one.name, other.name, got[2]![0], one.name, one.name, other.name]
  t.same(
    got,
    wanted.map((name, i) => [name, i === 2])
  )
})

test('an upgrade sets the cookie too, and goes where it says', async (t) => {
  const servers = [await switching(t, echo), await switching(t, echo)]
  const balancer = await startBalancer(t, servers, { ...STICKY, LB_ALGORITHM: 'round-robin' })
  const open = async (...lines: string[]) => {
    const client = await RawClient.open(t, balancer.port)
    client.send(`${upgrade('/', ...lines)}early`)
    const head = await client.next()
    t.equal(statusOf(head), 101)
    await client.until((text) => text === 'early')
    return head
  }
  const { sent } = cookieIn(await open())!
  for (let i = 0; i < 3; i++) t.equal(cookieIn(await open(sent)), undefined)
  t.same(inFlight(balancer), [4, 4, 0])
})

test('a WebSocket client reads its cookie', async (t) => {
  const http = createServer()
  new WebSocketServer({ server: http }).on('connection', (socket) => socket.send('hello'))
  const balancer = await startBalancer(t, [{ address: await listen(t, http) }], STICKY)
  const socket = new WebSocket(`ws://127.0.0.1:${balancer.port}/`)
  atEnd(t, () => socket.terminate())
  let heard = ''
  let cookies: string[] = []
  socket.on('upgrade', ({ headers }) => {
    cookies = headers['set-cookie'] ?? []
  })
  socket.on('message', (data) => {
    heard = `${data}`
  })
  await eventually(() => heard)
  t.equal(heard, 'hello')
  t.match(cookies, [/^lb=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/])
})

test('without a cookie of ours nothing is set', async (t) => {
  const { port } = await startBalancer(t, await backends(t, 'a'))
  t.same(fieldValues((await exchange(t, port, get())).fields, 'set-cookie'), ['app=a'])
})

test('that the secret is missing is logged, and the secret never', async (t) => {
  const servers = await backends(t, 'a')
  const without = await startBalancer(t, servers, { LB_STICKY_COOKIE: 'lb' })
  t.ok(without.log.some(({ level, msg }) => level === 40 && /LB_STICKY_SECRET is not set/.test(msg)))
  const balancer = await startBalancer(t, servers, STICKY)
  await exchange(t, balancer.port, get())
  t.notMatch(JSON.stringify(balancer.log), SECRET)
  t.notMatch(JSON.stringify(balancer.log), 'LB_STICKY_SECRET')
})
