import type { Test } from 'tap'
import { eventually, startBalancer, test } from '../../helper.js'
import { TOKEN, WITH_TOKEN } from '../../support/api.js'
import { answering, OK, scripted } from '../../support/raw-backend.js'
import { exchange, RawClient } from '../../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../../support/wire.js'

const KIB = 1024
const SPEC = '{"address":"c.example:80"}'
const GET = 'GET /__lb/live HTTP/1.1\r\nHost: x\r\n\r\n'

const head = (...fields: string[]) =>
  ['POST /__lb/api/backends HTTP/1.1', 'Host: x', `Authorization: Bearer ${TOKEN}`, ...fields, '', ''].join(
    '\r\n'
  )
const withBody = (body: string, ...fields: string[]) =>
  head('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, ...fields) + body
const codeOf = ({ body }: Message) => JSON.parse(body.toString()).code

async function stage(t: Test) {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], WITH_TOKEN)
  return { ...balancer, count: () => balancer.registry.backends.length }
}

test('JSON in any framing, and after 100-continue', async (t) => {
  const { port, registry } = await stage(t)
  const addresses = ['c.example:80', 'd.example:80', 'e.example:80', 'f.example:80']
  const [c, d, e, f] = addresses.map((address) => JSON.stringify({ address }))
  t.equal(statusOf(await exchange(t, port, withBody(c!))), 201)
  const chunks = `5\r\n${d!.slice(0, 5)}\r\n${(d!.length - 5).toString(16)}\r\n${d!.slice(5)}\r\n0\r\n\r\n`
  const chunked = head('Content-Type: application/json; charset=utf-8', 'Transfer-Encoding: chunked') + chunks
  t.equal(statusOf(await exchange(t, port, chunked)), 201)
  const client = await RawClient.open(t, port)
  const whole = withBody(e!)
  for (const byte of whole.slice(0, -10)) client.send(byte)
  await new Promise(setImmediate)
  client.send(whole.slice(-10))
  t.equal(statusOf(await client.response()), 201)
  client.send(head('Content-Type: application/json', `Content-Length: ${f!.length}`, 'Expect: 100-continue'))
  t.equal(statusOf(await client.next()), 100)
  client.send(f!)
  t.equal(statusOf(await client.response()), 201)
  client.send(GET)
  t.equal(statusOf(await client.response()), 200, 'the connection goes on')
  for (const address of addresses) t.ok(registry.backendAt(address), address)
})

test('anything but JSON is rejected', async (t) => {
  const { port, count } = await stage(t)
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/jsonx',
    ''
  ]) {
    const refused = await exchange(t, port, `${head(`Content-Type: ${type}`, 'Content-Length: 26')}${SPEC}`)
    t.same([statusOf(refused), codeOf(refused)], [415, 'LB_NOT_JSON'], type)
  }
  const untyped = await exchange(t, port, `${head('Content-Length: 26')}${SPEC}`)
  t.equal(statusOf(untyped), 415)
  for (const body of ['', '{', '{"address":"c:80"}x', 'undefined', '\xff\xfe', "{'address':'c:80'}"]) {
    const bytes = Buffer.from(body, 'latin1')
    const request = Buffer.concat([
      Buffer.from(head('Content-Type: application/json', `Content-Length: ${bytes.length}`)),
      bytes
    ])
    const refused = await exchange(t, port, request)
    t.same([statusOf(refused), codeOf(refused)], [400, 'LB_BROKEN_JSON'], body)
  }
  t.equal(count(), 1)
})

test('a body of more than 256 KiB is rejected and ends the connection', async (t) => {
  const { port, count } = await stage(t)
  const padded = (size: number) => SPEC.padEnd(size)
  const large = await exchange(t, port, withBody(padded(256 * KIB + 1)))
  t.same([statusOf(large), codeOf(large)], [413, 'LB_BODY_TOO_LARGE'])
  t.equal(fieldValue(large.fields, 'connection'), 'close')

  const client = await RawClient.open(t, port)
  client.send(head('Content-Type: application/json', 'Content-Length: 99999999999'))
  t.equal(statusOf(await client.response()), 413, 'before a byte of it has come')
  client.send(GET)
  await client.untilClosed()
  t.equal(client.received.length, 0, 'what follows is no request')

  const endless = await RawClient.open(t, port)
  endless.send(head('Content-Type: application/json', 'Transfer-Encoding: chunked'))
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
  for (let i = 0; i < 5; i++) endless.send(chunk)
  t.equal(statusOf(await endless.response()), 413)
  t.equal(count(), 1)
  t.equal(statusOf(await exchange(t, port, withBody(padded(256 * KIB)))), 201)
})

test('the body of a rejected request is not taken for another request', async (t) => {
  const { port, count } = await stage(t)
  const client = await RawClient.open(t, port)
  const hidden = `DELETE /__lb/api/backends/x:1 HTTP/1.1\r\nHost: x\r\n\r\n`
  client.send(
    `POST /__lb/api/backends HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n`
  )
  t.equal(statusOf(await client.response()), 401)
  client.send(hidden)
  await client.untilClosed()
  t.equal(client.received.length, 0)
  t.equal(count(), 1)
})

test('an incomplete body changes nothing', async (t) => {
  const { port, count } = await stage(t)
  const client = await RawClient.open(t, port)
  client.send(head('Content-Type: application/json', 'Content-Length: 1000') + SPEC)
  client.socket.end()
  await client.untilClosed()
  const reset = await RawClient.open(t, port)
  reset.send(head('Content-Type: application/json', 'Transfer-Encoding: chunked'))
  reset.abort()
  t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.equal(count(), 1)
})

test('a client that sends a large rejected body gets the answer instead of a reset', async (t) => {
  const { port } = await stage(t)
  const client = await RawClient.open(t, port)
  client.send(
    'PUT /__lb/api/backends HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n'
  )
  client.socket.allowHalfOpen = true
  client.send(Buffer.alloc(4_000_000))
  t.equal(statusOf(await client.response()), 401)
  await eventually(() => client.ended)
  client.send(Buffer.alloc(3_000_000))
  await eventually(() => client.socket.writableLength === 0 || client.closed)
  client.socket.end()
  await client.untilClosed()
  t.notOk(client.broken)
})
