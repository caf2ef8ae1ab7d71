import { startBalancer, test } from '../helper.js'
import { scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const UPGRADE = 'GET /tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const CONNECT = 'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n'
const LARGE = Buffer.alloc(5_000_000, 'x')

for (const [name, request, status] of [
  ['a change of protocol', UPGRADE, 101],
  ['CONNECT', CONNECT, 501]
] as const) {
  test(`${name} behind other requests waits for their answers, which are not held up`, async (t) => {
    const backend = await scripted(t, ({ startLine }, socket) => {
      if (startLine.includes('/tunnel')) {
        socket.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
        return
      }
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n`)
      setTimeout(() => socket.write(LARGE), 20)
    })
    const { port } = await startBalancer(t, [backend])
    const client = await RawClient.open(t, port)
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    client.send(get('/1') + get('/2') + request)
    for (let i = 0; i < 2; i++) t.equal((await client.response()).body.length, LARGE.length)
    t.equal(statusOf(await client.response()), status)
  })
}

test('one that comes behind the last request of a connection is ignored', async (t) => {
  const backend = await scripted(t, (_request, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  )
  const { port } = await startBalancer(t, [backend])
  for (const request of [UPGRADE, CONNECT]) {
    const client = await RawClient.open(t, port)
    client.send(`GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n${request}`)
    t.equal(statusOf(await client.response()), 400)
    await client.untilClosed()
    t.equal(client.received.length, 0)
  }
  t.equal(backend.requests.length, 0)
})
