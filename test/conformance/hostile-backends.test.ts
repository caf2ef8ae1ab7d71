import { eventually, sleep, test } from '../helper.js'
import { BEFORE_IDLE_MS } from '../support/raw-backend.js'
import { fieldValue, statusOf } from '../support/wire.js'
import { openStage, type Stage } from './harness.js'
import { BROKEN_BODIES, BROKEN_HEADS, ENDLESS, STRAY } from './hostile-responses.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** Sends one request, and waits for its end or for that of the connection. */
async function outcome(stage: Stage, bytes: string, { closes = false, sent = GET } = {}) {
  const failed = await stage.failed()
  stage.act = (_request, socket) => {
    socket.write(Buffer.from(bytes, 'latin1'))
    if (closes) setTimeout(() => socket.end(), 20)
  }
  const client = await stage.client()
  client.send(sent)
  const text = () => client.received.toString('latin1')
  const isWhole = await client
    .response({ head: sent.startsWith('HEAD'), timeoutMs: 1500 })
    .then((response) => response)
    .catch(() => undefined)
  await eventually(async () => (await stage.failed()) > failed, 300).catch(() => {})
  const result = {
    whole: isWhole,
    text: text(),
    isClosed: client.closed,
    failed: (await stage.failed()) - failed
  }
  client.socket.destroy()
  return result
}

test('a head that is broken is not passed on: 502', async (t) => {
  const stage = await openStage(t)
  for (const [section, cases] of Object.entries(BROKEN_HEADS)) {
    for (const [name, bytes] of Object.entries(cases)) {
      const { whole, text, failed } = await outcome(stage, bytes)
      const got = [whole ? statusOf(whole) : text.slice(0, 80), failed]
      t.same(got, [502, 1], `${name} (${section})`)
      if (whole) t.match(`${whole.body}`, /"LB_BAD_RESPONSE"/, name)
      if (!(await stage.isWell())) t.fail(`not well after ${name}`)
    }
  }
})

test('a head without end is not waited for: 502', async (t) => {
  const stage = await openStage(t, { LB_RESPONSE_TIMEOUT: '10' })
  for (const [name, start] of Object.entries(ENDLESS)) {
    const failed = await stage.failed()
    stage.act = (_request, socket) => {
      socket.write(start)
      const more = Buffer.alloc(16_384, start.at(-1)!)
      const timer = setInterval(() => socket.write(more), 2)
      socket.on('close', () => clearInterval(timer))
    }
    const received = stage.received()
    const client = await stage.client()
    client.send(GET)
    await eventually(() => client.closed || client.received.includes('\r\n\r\n')).catch(() => {})
    t.match(client.received.toString('latin1'), /^HTTP\/1\.1 502 /, `${name} (RFC 9112, 2.1)`)
    t.equal(await stage.failed(), failed + 1, name)
    await eventually(() => stage.usedConnections(received) === 0, BEFORE_IDLE_MS).catch(() => {})
    t.equal(stage.usedConnections(received), 0, `${name}: the connection is closed`)
    await stage.reset()
    t.ok(await stage.isWell())
    client.socket.destroy()
  }
})

for (const [how, closes] of [
  ['and stays', false],
  ['and leaves', true]
] as const) {
  test(`a body that breaks is cut off, never completed (the backend breaks it ${how})`, async (t) => {
    const stage = await openStage(t)
    for (const [section, cases] of Object.entries(BROKEN_BODIES)) {
      for (const [name, { bytes, needsEnd = false }] of Object.entries(cases)) {
        if (needsEnd && !closes) continue
        const { whole, text, isClosed, failed } = await outcome(stage, bytes, { closes })
        const got = { whole: whole?.startLine, isClosed, failed, isEnded: text.endsWith('0\r\n\r\n') }
        t.same(got, { whole: undefined, isClosed: true, failed: 1, isEnded: false }, `${name} (${section})`)
        t.match(text, /^(HTTP\/1\.1 200 OK\r\n|$)/, name)
        if (!(await stage.isWell())) t.fail(`not well after ${name}`)
      }
    }
  })
}

test('an extension without end is not waited for', async (t) => {
  const stage = await openStage(t)
  stage.act = (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=')
    const timer = setInterval(() => socket.write(Buffer.alloc(16_384, 'x')), 2)
    socket.on('close', () => clearInterval(timer))
  }
  const client = await stage.client()
  client.send(GET)
  await t.resolves(client.untilClosed(), 'RFC 9112, 7.1.1')
  await eventually(() => stage.usedConnections() === 0)
  t.equal(await stage.failed(), 1)
})

test('what follows a whole response is for nobody', async (t) => {
  const stage = await openStage(t)
  const forged = 'HTTP/1.1 200 Forged\r\nContent-Length: 6\r\n\r\nforged'
  for (const [name, { answer, sent = GET }] of Object.entries(STRAY)) {
    for (const behind of [forged, forged.repeat(3), 'x', '\r\n', 'HTTP/1.1 100 Continue\r\n\r\n']) {
      for (const later of [false, true]) {
        const label = `${JSON.stringify(behind.slice(0, 20))} behind ${name}${later ? ', later' : ''} (RFC 9112, 9.2)`
        const connections = stage.backend.connections
        stage.act = async (_request, socket) => {
          if (!later) return void socket.write(answer + behind)
          socket.write(answer)
          await sleep(20)
          socket.write(behind)
        }
        const client = await stage.client()
        client.send(sent)
        const first = await client.response({ head: sent.startsWith('HEAD') })
        t.match(first.startLine, /^HTTP\/1\.1 (200 OK|204|304|205)/, label)
        if (later) await sleep(40)
        t.equal(client.received.toString('latin1'), '', label)
        stage.act = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine'
        client.send(GET)
        t.equal(`${(await client.response()).body}`, 'mine', label)
        t.not(stage.backend.connections, connections, `another connection: ${label}`)
        client.socket.destroy()
        await stage.reset()
      }
    }
  }
})

test('bytes before a request was sent are no answer to it', async (t) => {
  const stage = await openStage(t)
  const { act } = stage
  t.ok(await stage.isWell())
  for (const socket of stage.backend.sockets)
    socket.write('HTTP/1.1 200 Forged\r\nContent-Length: 6\r\n\r\nforged')
  await sleep(30)
  stage.act = act
  t.ok(await stage.isWell(), 'RFC 9112, 9.2')
  t.equal(stage.usedConnections(), 1, 'that connection is closed')
})

test('an answer to a part of an upload is passed on, and the connections are closed', async (t) => {
  const stage = await openStage(t)
  for (const [framing, part] of [
    ['Content-Length: 1000000', 'hello'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n']
  ] as const) {
    for (const line of ['413 Content Too Large', '200 OK', '302 Found']) {
      const label = `${line} to ${framing} (RFC 9112, 9.5)`
      stage.raw = (bytes, socket) => {
        if (bytes.includes('hello')) socket.write(`HTTP/1.1 ${line}\r\nContent-Length: 2\r\n\r\nno`)
      }
      const client = await stage.client()
      client.send(`PUT / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${part}`)
      const response = await client.response()
      t.equal(response.startLine, `HTTP/1.1 ${line}`, label)
      t.equal(`${response.body}`, 'no', label)
      t.equal(fieldValue(response.fields, 'connection'), 'close', label)
      await client.untilClosed()
      await eventually(() => stage.usedConnections() === 0).catch(() => {})
      t.equal(stage.usedConnections(), 0, `at the backend: ${label}`)
      await stage.reset()
    }
  }
  t.equal(await stage.failed(), 0, 'no failure of the backend')
  t.ok(await stage.isWell())
})
