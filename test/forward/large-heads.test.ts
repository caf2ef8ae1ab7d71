import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { blockOf, framed, onRequest } from '../support/frame-backend.js'
import { FrameClient } from '../support/frame-client.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { Flag, get, headers, Type } from '../support/http2-frames.js'
import { answering, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { forHttp2 } from '../support/secure-ports.js'
import { fieldValue, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const GET_WITH_TRAILERS = 'GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n'
const LIMIT = 65_536
const H2C = forHttp2()
const MAX_HEADER_LIST_SIZE = 6

type Field = readonly [name: string, value: string]

/** Fields with so many bytes in a head of HTTP/1.1. */
function fieldsOf(bytes: number, count: number): Field[] {
  const each = Math.floor(bytes / count)
  return Array.from({ length: count }, (_, i) => {
    const name = `x-${i}`
    return [name, 'v'.repeat(each - name.length - 4)]
  })
}
const linesOf = (fields: readonly Field[]) => fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')

/** The values of a message's fields that are of these names. */
function valuesIn(fields: readonly Field[], find: (name: string) => unknown): boolean {
  return fields.every(([name, value]) => find(name) === value)
}

/** Sends bytes in parts of a size, each by itself. */
async function sendParts(socket: Socket, bytes: string | Buffer, size: number): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
    socket.write(bytes.slice(at, at + size))
    if (at % (size * 8) === 0) await sleep(1)
  }
}

const lowerCased = (name: string) => name.toLowerCase()

/** A backend that answers with a head, an interim one before it, and trailers, all of which have these fields. */
function overHttp1(t: Test, fields: readonly Field[], partBytes: number) {
  const lines = linesOf(fields)
  return scripted(t, (_request, socket) => {
    void sendParts(
      socket,
      `HTTP/1.1 103 Early Hints\r\n${lines}\r\nHTTP/1.1 200 OK\r\n${lines}Transfer-Encoding: chunked\r\n\r\n` +
        `2\r\nok\r\n0\r\n${lines}\r\n`,
      partBytes
    )
  })
}

/** The same over HTTP/2, each blockOf of fields in frames of so many bytes. */
async function overHttp2(t: Test, fields: readonly Field[], frameBytes: number) {
  const backend = await framed(
    t,
    onRequest((id, peer) => {
      const sendBlock = (bytes: Buffer, flags = 0) => {
        for (let at = 0; at < bytes.length; at += frameBytes) {
          const isEnd = at + frameBytes >= bytes.length
          peer.send(
            at === 0 ? Type.headers : Type.continuation,
            (isEnd ? Flag.endHeaders : 0) | (at === 0 ? flags : 0),
            id,
            bytes.subarray(at, at + frameBytes)
          )
        }
      }
      sendBlock(blockOf(':status', '103', ...fields.flat()))
      sendBlock(blockOf(':status', '200', ...fields.flat()))
      peer.data(id, 'ok')
      sendBlock(blockOf(...fields.flat()), Flag.endStream)
    })
  )
  return { address: `${backend.address};h2` }
}

async function passesToHttp1(t: Test, { port }: Balancer, fields: readonly Field[], what: string) {
  const client = await RawClient.open(t, port)
  client.send(GET_WITH_TRAILERS)
  const interim = await client.next({ timeoutMs: 20_000 })
  t.equal(statusOf(interim), 103, what)
  t.ok(
    valuesIn(fields, (name) => fieldValue(interim.fields, name)),
    `${what}: interim`
  )
  const response = await client.response({ timeoutMs: 20_000 })
  t.equal(`${response.body}`, 'ok')
  t.ok(
    valuesIn(fields, (name) => fieldValue(response.fields, name)),
    `${what}: head`
  )
  t.ok(
    valuesIn(fields, (name) => fieldValue(response.trailers, name)),
    `${what}: trailers`
  )
  client.socket.destroy()
}

async function passesToHttp2(t: Test, { port }: Balancer, fields: readonly Field[], what: string) {
  const client = await Http2Client.open(t, port)
  const stream = client.begin({ ':path': '/', te: 'trailers' })
  const early: Record<string, unknown>[] = []
  stream.on('headers', (headers) => early.push(headers))
  const { status, body, headers, trailers } = await answerOn(stream, 20_000)
  t.match({ status, body }, { status: 200, body: 'ok' }, what)
  t.ok(
    valuesIn(fields, (name) => early[0]?.[lowerCased(name)]),
    `${what}: interim`
  )
  t.ok(
    valuesIn(fields, (name) => headers[lowerCased(name)]),
    `${what}: head`
  )
  t.ok(
    valuesIn(fields, (name) => trailers[lowerCased(name)]),
    `${what}: trailers`
  )
  client.session.destroy()
}

for (const count of [1, 60, 110]) {
  test(`heads and trailers of 64 KiB, in ${count} fields, pass in all versions`, async (t) => {
    const fields = fieldsOf(LIMIT - 100, count)
    for (const [what, backend] of [
      ['HTTP/1.1', await overHttp1(t, fields, 1_000_000)],
      ['HTTP/1.1 in parts', await overHttp1(t, fields, 700)],
      ['HTTP/2', await overHttp2(t, fields, 16_384)],
      ['HTTP/2 in small frames', await overHttp2(t, fields, 600)]
    ] as const) {
      const balancer = await startBalancer(t, [backend], H2C)
      await passesToHttp1(t, balancer, fields, `${what} to HTTP/1.1`)
      await passesToHttp2(t, balancer, fields, `${what} to HTTP/2`)
      t.equal(balancer.stats().requests.failed, 0)
    }
  })
}

test('thousands of fields pass', async (t) => {
  const fields = Array.from({ length: 5000 }, (_, i): Field => [`x${i}`, 'v'])
  const backend = await scripted(
    t,
    answering(`HTTP/1.1 200 OK\r\n${linesOf(fields)}Content-Length: 2\r\n\r\nok`)
  )
  const balancer = await startBalancer(t, [backend], H2C)
  const { fields: got } = await exchange(t, balancer.port, GET)
  t.equal(got.filter(([name]) => /^x\d/.test(name)).length, 5000)
  const client = await Http2Client.open(t, balancer.port, undefined, { maxHeaderListPairs: 10_000 })
  const { status, headers } = await client.get('/')
  t.equal(status, 200)
  t.equal(Object.keys(headers).filter((name) => /^x\d/.test(name)).length, 5000)
})

test('a client of HTTP/2 that says that it takes less is sent them all the same', async (t) => {
  const fields = fieldsOf(40_000, 40)
  const balancer = await startBalancer(t, [await overHttp1(t, fields, 1_000_000)], H2C)
  const client = await FrameClient.open(t, balancer.port, { own: [[MAX_HEADER_LIST_SIZE, 16_384]] })
  client.send(headers(1, get()))
  const { statuses, ended } = await client.over(1, 5000)
  t.same([statuses, ended], [[103, 200], true])
  t.ok(client.socket.bytesRead > 3 * 35_000)
})

test('many of them at once wait for a client of HTTP/2 that reads nothing, and pass', async (t) => {
  const fields = fieldsOf(60_000, 60)
  const backend = await scripted(
    t,
    answering(`HTTP/1.1 200 OK\r\n${linesOf(fields)}Content-Length: 2\r\n\r\nok`)
  )
  const balancer = await startBalancer(t, [backend], H2C)
  const client = await FrameClient.open(t, balancer.port)
  const ids = Array.from({ length: 128 }, (_, i) => 2 * i + 1)
  client.socket.pause()
  client.send(...ids.map((id) => headers(id, get())))
  await eventually(() => backend.requests.length === ids.length, 20_000)
  await sleep(100)
  client.socket.resume()
  for (const id of ids) t.match(await client.over(id, 20_000), { status: 200, ended: true })
})

test('a larger one is broken, and the log says by which setting', async (t) => {
  const cases: [number, string | undefined, number][] = [
    [65_000, undefined, 200],
    [66_000, undefined, 502],
    [900, '1024', 200],
    [1100, '1024', 502]
  ]
  for (const [size, limit, status] of cases) {
    const answer = `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(size)}\r\nContent-Length: 2\r\n\r\nok`
    const backend = await scripted(t, answering(answer))
    const h2 = await framed(
      t,
      onRequest((id, peer) => {
        const bytes = blockOf(':status', '200', 'a', 'a'.repeat(size))
        peer.send(Type.headers, Flag.endStream, id, bytes.subarray(0, 1000))
        for (let at = 1000; at < bytes.length; at += 16_000)
          peer.send(Type.continuation, 0, id, bytes.subarray(at, at + 16_000))
        peer.send(Type.continuation, Flag.endHeaders, id)
      })
    )
    for (const address of [backend.address, `${h2.address};h2`]) {
      const balancer = await startBalancer(
        t,
        [{ address }],
        limit ? { LB_MAX_RESPONSE_HEADER_SIZE: limit } : undefined
      )
      const response = await exchange(t, balancer.port, GET)
      t.equal(statusOf(response), status, `${size} bytes of ${limit}`)
      if (status !== 502) continue
      t.match(JSON.parse(`${response.body}`), { code: 'LB_BAD_RESPONSE' })
      const detail = 'broken response (head too large: see LB_MAX_RESPONSE_HEADER_SIZE)'
      t.ok(balancer.log.some((record) => record.detail === detail))
    }
    t.equal(h2.connections, 1)
  }
})

test('one that does not end is broken once it is too large', async (t) => {
  const backend = await serving(t, (socket: Socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    const more = setInterval(() => socket.write(`A: ${'a'.repeat(3000)}\r\n`), 5)
    socket.on('close', () => clearInterval(more))
  })
  const balancer = await startBalancer(t, [backend])
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 502)
  await t.resolves(eventually(() => inFlight(balancer).join() === '0,0'))
})

test('one that is too large leaves the other streams of its connection alone', async (t) => {
  let first = 0
  const backend = await framed(
    t,
    onRequest((id, peer) => {
      if (first === 0) {
        first = id
        return
      }
      const bytes = blockOf(':status', '200', ...fieldsOf(90_000, 3).flat())
      for (let at = 0; at < bytes.length; at += 16_000)
        peer.send(
          at === 0 ? Type.headers : Type.continuation,
          at + 16_000 >= bytes.length ? Flag.endHeaders : 0,
          id,
          bytes.subarray(at, at + 16_000)
        )
      peer.answer(first)
    })
  )
  const balancer = await startBalancer(t, [{ address: `${backend.address};h2` }])
  const waiting = exchange(t, balancer.port, GET)
  await eventually(() => first > 0)
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 502)
  t.equal(statusOf(await waiting), 200)
  t.equal(backend.connections, 1)
})

test('a field that nghttp2 does not take is refused, and the session of its client goes on', async (t) => {
  const large = `X: ${'v'.repeat(100_000)}\r\n`
  const env = { ...H2C, LB_MAX_RESPONSE_HEADER_SIZE: '200000' }
  for (const [head, early, trailers] of [
    [large, '', ''],
    ['', large, ''],
    ['', '', large]
  ] as const) {
    const backend = await scripted(t, ({ startLine }, socket) => {
      if (startLine.includes('/small')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      else
        socket.write(
          `${early && `HTTP/1.1 103 Early Hints\r\n${early}\r\n`}HTTP/1.1 200 OK\r\n${head}` +
            `Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`
        )
    })
    const balancer = await startBalancer(t, [backend], env)
    const plain = await exchange(t, balancer.port, GET_WITH_TRAILERS)
    t.equal(`${plain.body}`, 'ok', 'it passes by HTTP/1.1')
    const client = await Http2Client.open(t, balancer.port)
    const other = client.get('/small')
    const { status, code } = await client.ask({ ':path': '/', te: 'trailers' })
    t.equal(status, head ? 502 : 200)
    if (trailers) t.not(code, 0, 'cut off')
    t.match(await other, { status: 200 })
    t.match(await client.get('/small'), { status: 200, body: 'ok' })
  }
})

test('the answer to a check may be as large', async (t) => {
  for (const [limit, state] of [
    ['65536', 'healthy'],
    ['20000', 'unhealthy']
  ] as const) {
    const fields = fieldsOf(60_000, 10)
    const answer = `HTTP/1.1 200 OK\r\n${linesOf(fields)}Content-Length: 2\r\n\r\nok`
    const h2 = await overHttp2(t, fields, 16_384)
    const backends = [await scripted(t, answering(answer)), h2]
    const { registry } = await startBalancer(t, backends, {
      LB_NO_HEALTH_CHECK: 'false',
      LB_MAX_RESPONSE_HEADER_SIZE: limit
    })
    for (const backend of registry.backends) {
      t.equal(backend.state, state)
      if (state === 'unhealthy') t.match(backend.reason, /LB_MAX_RESPONSE_HEADER_SIZE/)
    }
  }
})
