import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { type Balancer, eventually, inFlight, startBalancer, test } from '../helper.js'
import { scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const get = (path: string, cookie = 'a=b') => `GET ${path} HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`
const named = (name: string) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`

interface Holding {
  readonly address: string
  /** Answers the first of those that are held. */
  answer(): Promise<void>
}

/** A backend that answers with its name, but holds what asks for `/hold…`. */
async function holding(t: Test, name: string): Promise<Holding> {
  const held: Socket[] = []
  const { address } = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/hold')) held.push(socket)
    else socket.write(named(name))
  })
  const answer = async () => {
    await eventually(() => held.length > 0)
    held.shift()!.write(named(name))
  }
  return { address, answer }
}

/** Two backends of one request at a time, and the cookie of a client of the first. */
async function pair(t: Test, env: Record<string, string> = {}) {
  const [a, b] = [await holding(t, 'a'), await holding(t, 'b')]
  const balancer = await startBalancer(t, `${a.address};max=1 ${b.address};max=1`, {
    LB_STICKY_COOKIE: 'lb',
    LB_ALGORITHM: 'round-robin',
    LB_NO_EJECTION: 'true',
    ...env
  })
  const first = await exchange(t, balancer.port, get('/'))
  t.equal(`${first.body}`, 'a')
  return { a, b, balancer, cookie: fieldValue(first.fields, 'set-cookie')!.split(';')[0]! }
}

async function ask(t: Test, { port, registry }: Balancer, bytes: string): Promise<RawClient> {
  const before = registry.inFlight
  const client = await RawClient.open(t, port)
  client.send(bytes)
  await eventually(() => registry.inFlight > before)
  return client
}

const queued = ({ stats }: Balancer) => stats().requests.queued

test('a request that waits for the backend of its session holds up nobody', async (t) => {
  const { a, balancer, cookie } = await pair(t)
  const holder = await ask(t, balancer, get('/hold', cookie))
  const waiting = [await ask(t, balancer, get('/1', cookie)), await ask(t, balancer, get('/2', cookie))]
  t.equal(queued(balancer), 2)
  for (let i = 0; i < 5; i++) t.equal(`${(await exchange(t, balancer.port, get('/'))).body}`, 'b')
  t.equal(queued(balancer), 2)
  await a.answer()
  for (const client of [holder, ...waiting]) t.equal(`${(await client.response()).body}`, 'a')
})

test('behind one that any backend would do for, all others wait in order', async (t) => {
  const { a, b, balancer, cookie } = await pair(t)
  const holders = [await ask(t, balancer, get('/hold', cookie)), await ask(t, balancer, get('/hold'))]
  t.same(inFlight(balancer), [2, 1, 1])
  const kept = await ask(t, balancer, get('/kept', cookie))
  const any = await ask(t, balancer, get('/hold-any'))
  const last = await ask(t, balancer, get('/last'))
  t.equal(queued(balancer), 3)
  await b.answer()
  t.equal(`${(await holders[1]!.response()).body}`, 'b')
  await eventually(() => queued(balancer) === 2)
  t.equal(last.received.length, 0)
  await b.answer()
  t.equal(`${(await any.response()).body}`, 'b')
  t.equal(`${(await last.response()).body}`, 'b')
  t.equal(kept.received.length, 0)
  await a.answer()
  t.equal(`${(await kept.response()).body}`, 'a')
})

test('one that waits for its backend moves when that is drained', async (t) => {
  const { a, balancer, cookie } = await pair(t)
  const holder = await ask(t, balancer, get('/hold', cookie))
  const kept = await ask(t, balancer, get('/', cookie))
  t.equal(queued(balancer), 1)
  balancer.registry.setDraining(balancer.registry.backends[0]!, true, 'test')
  const moved = await kept.response()
  t.equal(`${moved.body}`, 'b')
  t.match(fieldValue(moved.fields, 'set-cookie'), /^lb=/)
  await a.answer()
  const last = await holder.response()
  t.equal(`${last.body}`, 'a')
  t.equal(fieldValue(last.fields, 'set-cookie'), undefined, 'its cookie names no other backend')
})

test('one whose backend comes back full while it waits holds up nobody from then on', async (t) => {
  const { a, b, balancer, cookie } = await pair(t)
  const { registry } = balancer
  const own = await ask(t, balancer, get('/hold', cookie))
  const other = await ask(t, balancer, get('/hold'))
  registry.setDraining(registry.backends[0]!, true, 'test')
  const kept = await ask(t, balancer, get('/kept', cookie))
  t.equal(queued(balancer), 1)
  registry.setDraining(registry.backends[0]!, false, 'test')
  await b.answer()
  t.equal(`${(await other.response()).body}`, 'b')
  t.equal(`${(await exchange(t, balancer.port, get('/'))).body}`, 'b')
  t.equal(kept.received.length, 0)
  await a.answer()
  t.equal(`${(await own.response()).body}`, 'a')
  t.equal(`${(await kept.response()).body}`, 'a')
})

test('who waits too long for its backend is told so, and the session stays', async (t) => {
  const { a, balancer, cookie } = await pair(t, { LB_QUEUE_TIMEOUT: '0.2' })
  const holder = await ask(t, balancer, get('/hold', cookie))
  const late = await exchange(t, balancer.port, get('/', cookie))
  t.equal(statusOf(late), 503)
  t.match(`${late.body}`, 'LB_QUEUE_TIMEOUT')
  t.equal(fieldValue(late.fields, 'set-cookie'), undefined)
  await a.answer()
  t.equal(statusOf(await holder.response()), 200)
  t.equal(`${(await exchange(t, balancer.port, get('/', cookie))).body}`, 'a')
})

test('one whose backend is back full after an outage holds up nobody who waited through that', async (t) => {
  const { a, balancer, cookie } = await pair(t, { LB_OUTAGE_TIMEOUT: '5' })
  const { registry } = balancer
  const setDraining = (draining: boolean) => {
    for (const backend of registry.backends) registry.setDraining(backend, draining, 'test')
  }
  const own = await ask(t, balancer, get('/hold', cookie))
  setDraining(true)
  const kept = await ask(t, balancer, get('/kept', cookie))
  const others = [await ask(t, balancer, get('/1')), await ask(t, balancer, get('/2'))]
  t.equal(queued(balancer), 3)
  setDraining(false)
  for (const client of others) t.equal(`${(await client.response()).body}`, 'b')
  t.equal(kept.received.length, 0)
  await a.answer()
  t.equal(`${(await own.response()).body}`, 'a')
  t.equal(`${(await kept.response()).body}`, 'a')
})
