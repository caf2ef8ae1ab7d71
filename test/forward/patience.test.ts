import type { Socket } from 'node:net'
import { eventually, sleep, startBalancer, test } from '../helper.js'
import { answering, OK, scripted, serving } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const post = (framing: string, body = '', ...fields: string[]) =>
  ['POST / HTTP/1.1', 'Host: x', framing, ...fields, '', body].join('\r\n')

test('a body that goes on, however slowly, is in time; so is one that a backend holds back', async (t) => {
  const backend = await serving(t, (socket) => {
    let received = 0
    let isHeld = false
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length
      // It stops amid the large body for longer than a client may.
      if (!isHeld && received > 1_000_000) {
        isHeld = true
        socket.pause()
        setTimeout(() => socket.resume(), 1500)
      }
      if (`${bytes.subarray(-5)}`.endsWith('done.')) socket.write(OK)
    })
  })
  const balancer = await startBalancer(t, [backend], { LB_REQUEST_BODY_TIMEOUT: '1' })
  const slow = await RawClient.open(t, balancer.port)
  slow.send(post('Content-Length: 9'))
  const large = await RawClient.open(t, balancer.port)
  large.send(post('Content-Length: 8000000', 'x'.repeat(8_000_000 - 5)))
  for (const byte of 'so, ') {
    await sleep(450)
    slow.send(byte)
  }
  slow.send('done.')
  t.equal(statusOf(await slow.response()), 200)
  await eventually(() => large.socket.writableLength === 0, 4000)
  large.send('done.')
  t.equal(statusOf(await large.response()), 200)
})

test('a body that waits for a 100 is not late before that, but after it', async (t) => {
  let socket!: Socket
  const backend = await serving(t, (by) => {
    socket = by
  })
  const balancer = await startBalancer(t, [backend], { LB_REQUEST_BODY_TIMEOUT: '1' })
  const client = await RawClient.open(t, balancer.port)
  client.send(post('Content-Length: 1000', '', 'Expect: 100-continue'))
  await sleep(1700)
  t.notOk(client.closed)
  t.equal(client.received.length, 0)
  socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  t.equal(statusOf(await client.next()), 100)
  const begun = performance.now()
  t.equal(statusOf(await client.response()), 408)
  const took = performance.now() - begun
  t.ok(took > 900 && took < 1600, `${took} ms`)
})

test('a connection may be idle for so long, whatever it carried before', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], { LB_KEEP_ALIVE_TIMEOUT: '1' })
  const sents = [
    GET,
    GET.replace(' /', ' /__lb/live'),
    post('Content-Length: 5', 'hello'),
    post('Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'),
    GET + GET,
    post('Content-Length: 5', 'hello') + GET
  ]
  await Promise.all(
    sents.map(async (sent) => {
      const client = await RawClient.open(t, balancer.port)
      client.send(sent)
      for (let i = sent.split(' HTTP/1.1').length; i > 1; i--) await client.response()
      await sleep(700)
      t.notOk(client.closed)
      await t.resolves(client.untilClosed(1500), JSON.stringify(sent))
      t.equal(client.received.length, 0)
    })
  )
  const busy = await RawClient.open(t, balancer.port)
  for (let i = 0; i < 4; i++) {
    busy.send(GET)
    t.equal(statusOf(await busy.response()), 200)
    await sleep(500)
  }
})
