import { copyFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, startBalancer, startRoutes, test } from '../helper.js'
import { Authority, authority, contents } from '../support/certificates.js'
import { exchange } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const CHANGED = 'The files of TLS to backends have changed: new connections go by them'
const NAME = 'localhost'

const WAYS: readonly [
  string,
  (t: Test, backend: string, env: Record<string, string>) => Promise<Balancer>
][] = [
  ['the only pool', (t, backend, env) => startBalancer(t, backend, env)],
  [
    'pools of a file',
    (t, backend, env) =>
      startRoutes(
        t,
        {
          pools: { web: { backends: [backend] }, other: { backends: ['127.0.0.1:9'] } },
          routes: [{ pool: 'web' }]
        },
        env
      )
  ]
]

for (const [name, start] of WAYS)
  test(`authorities of backends are read again when their file changes: ${name}`, async (t) => {
    const old = authority(t)
    if (!old) return
    const next = new Authority(old.folder, 'next')
    const trusted = path.join(old.folder, 'trusted.pem')
    copyFileSync(old.file, trusted)
    const server = createServer(contents(old.issue(NAME)), (_req, res) =>
      res.setHeader('Connection', 'close').end()
    )
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    atEnd(t, () => server.close())
    const { port } = server.address() as AddressInfo
    const balancer = await start(t, `https://127.0.0.1:${port};max-requests=1`, { LB_BACKEND_CA: trusted })
    const status = async () => statusOf(await exchange(t, balancer.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
    t.equal(await status(), 200)
    server.setSecureContext(contents(next.issue(NAME)))
    t.equal(await status(), 502, 'nobody vouches for it yet')
    copyFileSync(next.file, trusted)
    await eventually(() => balancer.log.some(({ msg }) => msg === CHANGED), 10_000)
    await eventually(async () => (await status()) === 200, 10_000)
  })
