import type { Socket } from 'node:net'
import { eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { answering, OK, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const LIMIT = { LB_MAX_BODY_SIZE: '1000' }
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const post = (framing: string, body = '', ...fields: string[]) =>
  ['POST / HTTP/1.1', 'Host: x', framing, ...fields, '', body].join('\r\n')
const chunk = (size: number) => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`
const codeOf = ({ body }: Message) => JSON.parse(`${body}`).code

test('a body of the largest size passes, in every framing', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], LIMIT)
  for (const sent of [
    post('Content-Length: 1000', 'x'.repeat(1000)),
    post('Transfer-Encoding: chunked', `${chunk(1000)}0\r\n\r\n`),
    post('Transfer-Encoding: chunked', `${chunk(400)}${chunk(600)}0\r\n\r\n`)
  ]) {
    t.equal(statusOf(await exchange(t, port, sent)), 200)
    t.equal(backend.requests.at(-1)!.body.length, 1000)
  }
})

test('a body that says that it is larger is refused before any of it is sent, or passed on', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], LIMIT)
  for (const [what, sent] of [
    ['which waits', post('Content-Length: 1001', '', 'Expect: 100-continue')],
    ['which does not come', post('Content-Length: 1001')],
    ['which comes whole', post('Content-Length: 1001', 'x'.repeat(1001))],
    ['with a request in it', post('Content-Length: 1001', GET.repeat(40))],
    ['which is too large to count', post('Content-Length: 999999999999999', 'x')],
    ['which comes in bulk', post('Content-Length: 8000000', 'x'.repeat(8_000_000))]
  ] as const) {
    const client = await RawClient.open(t, balancer.port)
    client.send(sent)
    const response = await client.next()
    t.equal(statusOf(response), 413, what)
    t.equal(codeOf(response), 'LB_BODY_TOO_LARGE')
    t.equal(fieldValue(response.fields, 'connection'), 'close')
    client.socket.end()
    await t.resolves(client.untilClosed(3000))
    t.equal(client.received.length, 0, 'one answer, and no more')
  }
  t.equal(backend.connections, 0)
  t.match(balancer.stats(), { requests: { failed: 0, inFlight: 0 }, backends: [{ total: 0 }] })
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
})

test('chunks are cut off when they exceed the limit, and what has come of them is no request', async (t) => {
  const bodies: number[] = []
  const closed: boolean[] = []
  const backend = await serving(t, (socket: Socket) => {
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes
    })
    socket.on('close', () => {
      bodies.push(text.split('x').length - 1)
      closed.push(text.endsWith('0\r\n\r\n'))
    })
  })
  const balancer = await startBalancer(t, [backend], LIMIT)
  const cases = [
    ['at once', [chunk(1001)]],
    ['little by little', Array(12).fill(chunk(100))],
    ['with its end', [`${chunk(600)}${chunk(600)}0\r\n\r\n`]],
    ['and goes on', [chunk(2000), ...Array(40).fill(chunk(60_000))]]
  ] as const
  for (const [what, parts] of cases) {
    const client = await RawClient.open(t, balancer.port)
    client.send(post('Transfer-Encoding: chunked'))
    for (const part of parts) {
      client.send(part)
      if (what === 'little by little') await sleep(5)
    }
    const response = await client.response()
    t.equal(statusOf(response), 413, what)
    t.equal(codeOf(response), 'LB_BODY_TOO_LARGE')
    t.equal(fieldValue(response.fields, 'connection'), 'close')
    client.socket.end()
    await t.resolves(client.untilClosed(3000))
    t.equal(client.received.length, 0, 'one answer, and no more')
  }
  await eventually(() => closed.length === cases.length)
  t.ok(Math.max(...bodies) < 150_000, `backends got ${bodies} bytes`)
  t.same(closed, Array(cases.length).fill(false), 'no backend takes a part for the whole')
  t.match(balancer.stats(), { requests: { failed: 0 }, backends: [{ failed: 0 }] })
  t.same(inFlight(balancer), [0, 0])
})

test('a response that has begun is cut off when its request exceeds the limit', async (t) => {
  const backend = await serving(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  })
  const { port } = await startBalancer(t, [backend], LIMIT)
  const client = await RawClient.open(t, port)
  client.send(post('Transfer-Encoding: chunked', chunk(10)))
  await client.until((text) => text.endsWith('hello'))
  client.send(chunk(1000))
  await t.resolves(client.untilClosed(3000))
  t.ok(client.received.toString().endsWith('hello'), 'nothing is added to it')
})

test('without a limit all passes', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const sent = post('Transfer-Encoding: chunked', `${chunk(3_000_000)}0\r\n\r\n`)
  t.equal(statusOf(await exchange(t, port, sent)), 200)
  t.equal(backend.requests[0]!.body.length, 3_000_000)
})
