import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { connect } from 'node:tls'
import { sleep, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { backend, clientsOfAll, started } from '../support/threads.js'

test('a reload replaces pools and routes in all threads, without a failed request', async (t) => {
  const [a, b, c] = [await backend(t, 'a'), await backend(t, 'b'), await backend(t, 'c')]
  const file = path.join(t.testdir({}), 'lb.yaml')
  const write = (pools: Record<string, object>, routes: readonly object[]) =>
    writeFileSync(file, JSON.stringify({ pools, routes }))
  const pool = ({ address }: { readonly address: string }, more = {}) => ({ backends: [address], ...more })
  write({ a: pool(a), b: pool(b) }, [{ name: 'all', match: { 'path-prefix': '/' }, pool: 'a' }])
  const { child, port, stats } = await started(t, [], { LB_CONFIG: file })
  const clients = await clientsOfAll(t, port, stats, 8)
  let isOver = false
  const statuses = new Map<number | string, number>()
  const load = clients.map(async (client) => {
    while (!isOver) {
      const status = await client.get('/1')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  })
  const reload = async (expected: string) => {
    const before = child.output.length
    child.kill('SIGHUP')
    await child.untilPrinted(
      new RegExp(`[^]{${before}}Pools and routes were read again .SIGHUP.: ${expected}`)
    )
    // The others are told by a message.
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  const bodies = async () => {
    isOver = true
    await Promise.all(load)
    await Promise.all(clients.map((client) => client.get('/1')))
    isOver = false
    return new Set(clients.map(({ body }) => body))
  }
  // Other settings, a new pool, and one that leaves.
  write({ a: pool(a, { algorithm: 'round-robin' }), b: pool(b) }, [{ name: 'all', pool: 'a' }])
  await reload('0 pools join, 0 leave, 1 are others')
  write({ b: pool(b), c: pool(c) }, [{ name: 'all', pool: 'c' }])
  await reload('1 pools join, 1 leave, 0 are others')
  t.same(await bodies(), new Set(['c']))
  write({ b: pool(b), a: pool(a) }, [
    {
      name: 'all',
      split: [
        { pool: 'a', weight: 1 },
        { pool: 'b', weight: 1 }
      ]
    },
    { name: 'told', match: { path: '/told' }, respond: { status: 200, body: 'told' } }
  ])
  await reload('1 pools join, 1 leave, 0 are others')
  t.same(await bodies(), new Set(['a', 'b']))
  t.same([...statuses.keys()], [200])
  await Promise.all(clients.map((client) => client.get('/told')))
  t.same(new Set(clients.map(({ body }) => body)), new Set(['told']))
  const { routes, requests, pools } = await stats()
  t.equal(routes[1]!.total, clients.length, 'the counts of a route are those of all threads')
  t.equal(requests.inFlight, 0)
  t.same(
    pools.map(({ name, eligible }) => [name, eligible]),
    [
      ['b', 1],
      ['a', 1]
    ]
  )
  t.notMatch(child.output, /"level":(40|50|60)/)
})

test('a session stays on its backend whichever thread its client comes to', async (t) => {
  const backends = [await backend(t, 'a'), await backend(t, 'b'), await backend(t, 'c')]
  const { port, stats } = await started(t, backends, { LB_STICKY_COOKIE: 'lb' })
  const clients = await clientsOfAll(t, port, stats, 12)
  await clients[0]!.get('/0')
  const [cookie] = clients[0]!.cookies[0]!.split(';')
  const { body } = clients[0]!
  t.same(
    await Promise.all(
      clients.map(async (client) => {
        const status = await client.get('/0', { cookie: cookie! })
        return [status, client.body, client.cookies.length]
      })
    ),
    clients.map(() => [200, body, 0])
  )
})

/** Shakes hands. Returns the session that the server has given, or true if it goes on with the one that it was shown. */
function handshake(port: number, ca: string, shown?: Buffer): Promise<Buffer | true> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, ca, servername: 'a.example', ...(shown && { session: shown }) }
    const socket = connect(options)
    socket.resume().once('error', reject)
    const end = (result: Buffer | true) => socket.end(() => resolve(result))
    socket.once('session', end)
    socket.once('secureConnect', () => socket.isSessionReused() && end(true))
  })
}

test('a TLS session is resumed whichever thread its client comes to', async (t) => {
  const ca = authority(t)
  if (!ca) return
  const { certFile, keyFile } = ca.issue('a.example')
  const { port, child } = await started(t, [await backend(t)], { LB_TLS_CERT: certFile, LB_TLS_KEY: keyFile })
  const session = (await handshake(port, ca.pem)) as Buffer
  const others = Array.from({ length: 24 }, () => handshake(port, ca.pem, session))
  t.same(new Set(await Promise.all(others)), new Set([true]))
  t.equal(child.output.split('TLS for a.example').length, 2, 'the certificate is logged once')
})

test('files of TLS that have become wrong change nothing, and are complained of once', async (t) => {
  const ca = authority(t)
  if (!ca) return
  const { certFile, keyFile } = ca.issue('a.example')
  const trusted = path.join(path.dirname(certFile), 'trusted.pem')
  writeFileSync(trusted, ca.pem)
  const { port, child } = await started(t, [await backend(t)], {
    LB_TLS_CERT: certFile,
    LB_TLS_KEY: keyFile,
    LB_BACKEND_CA: trusted
  })
  writeFileSync(trusted, 'no certificate')
  writeFileSync(certFile, 'no certificate')
  await child.untilPrinted(/The files of TLS have changed and are wrong/)
  await child.untilPrinted(/The files of TLS to backends have changed and are wrong/)
  await sleep(2000)
  t.equal(child.output.split('have changed and are wrong').length - 1, 2)
  await Promise.all(Array.from({ length: 12 }, () => handshake(port, ca.pem)))
})
