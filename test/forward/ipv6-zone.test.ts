import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Test } from 'tap'
import { atEnd, startBalancer, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { exchange } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const OLD_GET = 'GET / HTTP/1.0\r\n\r\n'
const CHECKED = { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_PERIOD: '1', LB_HEALTH_CHECK_URL: '/health' }

interface Link {
  readonly address: string
  readonly zone: string
  readonly index: number
}

/** An address of this machine that means something on one link alone; without one the test is skipped. */
function linkLocal(t: Test): Link | undefined {
  for (const [zone, addresses = []] of Object.entries(networkInterfaces())) {
    for (const { address, family, ...more } of addresses) {
      const { scopeid: index = 0 } = more as { scopeid?: number }
      if (family === 'IPv6' && address.startsWith('fe80:') && index > 0) return { address, zone, index }
    }
  }
  t.pass('this machine has no link-local address', { skip: true })
  return undefined
}

/** A server that notes what it is asked as, at a port of every IPv6 address. */
async function listening(t: Test, makeServer: (answer: http.RequestListener) => Server = http.createServer) {
  const hosts: (string | undefined)[] = []
  const server = makeServer((req, res) => {
    hosts.push(req.headers.host ?? (req.headers[':authority'] as string | undefined))
    res.end('ok')
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '::', ipv6Only: true }, resolve))
  atEnd(t, () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { hosts, port: (server.address() as AddressInfo).port }
}

test('the zone of an address reaches the socket, and neither Host nor a check says it', async (t) => {
  const link = linkLocal(t)
  if (!link) return
  const { address, zone, index } = link
  for (const version of ['1.1', '2'] as const) {
    const make =
      version === '2' ? (answer: unknown) => http2.createServer(answer as never) as never : undefined
    const { hosts, port } = await listening(t, make)
    for (const [backend, named] of [
      [`[${address}%${zone}]:${port}`, zone],
      [`http://[${address}%25${zone}]:${port}`, zone],
      [`[${address.toUpperCase()}%${index}]:${port}`, `${index}`]
    ] as const) {
      const balancer = await startBalancer(t, version === '2' ? `${backend};h2` : backend, CHECKED)
      t.match(balancer.stats().backends, [
        {
          address: `[${address}%${named}]:${port}`,
          url: `http://[${address}%25${named}]:${port}`,
          state: /^healthy$/
        }
      ])
      t.equal(statusOf(await exchange(t, balancer.port, OLD_GET)), 200)
    }
    t.same(new Set(hosts), new Set([`[${address}]:${port}`]))
  }
})

test('an interface that there is not is no other one', async (t) => {
  const { port, hosts } = await listening(t)
  const address = linkLocal(t)?.address ?? 'fe80::1'
  const balancer = await startBalancer(t, `[${address}%none0]:${port}`, CHECKED)
  t.match(balancer.stats().backends[0], {
    state: 'unhealthy',
    lastCheck: { result: 'no such network interface' }
  })
  t.same(hosts, [])
})

test('the zone of an address that needs none does no harm', async (t) => {
  const { port, hosts } = await listening(t)
  const balancer = await startBalancer(t, `[::1%lo]:${port}`)
  t.equal(statusOf(await exchange(t, balancer.port, OLD_GET)), 200)
  t.same(hosts, [`[::1]:${port}`])
})

test('an operator names such a backend with its zone', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80', WITH_TOKEN)
  const address = '[fe80::7%none0]:80'
  const added = await call(port, 'POST', '/backends', { body: { address: `https://[fe80::7%none0]:80` } })
  t.match(added, { status: 201, json: { address, url: 'https://[fe80::7%25none0]:80' } })
  t.equal(added.headers.get('location'), '/__lb/api/backends/[fe80::7%25none0]:80')
  for (const path of ['[fe80::7%25none0]:80', encodeURIComponent(address)])
    t.equal((await call(port, 'GET', `/backends/${path}`)).status, 200, path)
  t.equal((await call(port, 'DELETE', `/backends/${encodeURIComponent(address)}`)).status, 204)
})
