import { connect } from 'node:net'
import { eventually, sleep, test } from '../helper.js'
import { FrameClient } from '../support/frame-client.js'
import {
  block,
  data,
  type Fields,
  Flag,
  frame,
  get,
  headers,
  ping,
  readFrame,
  request,
  reset,
  Setting,
  settings,
  Type,
  window
} from '../support/http2-frames.js'
import { OK } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { type Message, readMessage, statusOf } from '../support/wire.js'
import { openStage } from './harness.js'
import { idOf, idsIn, inLanes, MESSAGES, Mutator, SEED, sendParts } from './mutations.js'
import { faultsOf } from './strictness.js'

const LANES = 24
/** Time for an answer; a request that is not whole has none. */
const PATIENCE_MS = 60

/** Right requests, which tell of their id in their target. */
const REQUESTS: readonly ((id: string) => string)[] = [
  (id) => `GET /${id} HTTP/1.1\r\nHost: x\r\nX-Id: ${id}\r\n\r\n`,
  (id) => `GET http://x/${id}?q HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nCookie: a=b\r\n\r\n`,
  (id) =>
    `POST /${id} HTTP/1.1\r\nHost: x\r\nContent-Length: ${11 + id.length}\r\nX: y\r\n\r\nhello world${id}`,
  (id) =>
    `POST /${id} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX: ${id}\r\n\r\n`,
  (id) => `PUT /${id} HTTP/1.1\r\nHost: x\r\nConnection: close, X\r\nX: y\r\nContent-Length: 0\r\n\r\n`,
  (id) => `GET /${id} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
  (id) => `GET /${id} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  (id) => `POST /${id} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
  (id) => `OPTIONS /${id} HTTP/1.1\r\nHost: x\r\nVia: 1.1 y\r\nTE: trailers\r\n\r\n`
]

/** How often a target has the id: damage may have made two requests of one. */
const requestLines = (text: string, id: string) =>
  text.split(id).filter((before, i, all) => i < all.length - 1 && /[A-Z] +[^ \r\n]*$/.test(before)).length

/** Sends the parts over a connection of its own, and waits for a bit. */
function send(port: number, parts: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const leave = () => void socket.destroy()
    const timer = setTimeout(leave, PATIENCE_MS)
    socket.on('error', () => {})
    socket.on('data', () => timer.refresh())
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
    void sendParts((bytes) => void (socket.writable && socket.write(bytes)), parts)
  })
}

test(`whatever clients send, backends get requests (${MESSAGES} messages, seed ${SEED})`, async (t) => {
  const stage = await openStage(t, { LB_RESPONSE_TIMEOUT: '3' })
  const sent = new Map<string, string>()
  const arrivals = new Map<string, number>()
  stage.act = (request, socket) => {
    const { startLine, fields, body, trailers } = request
    const [id, ...others] = new Set(idsIn(JSON.stringify([startLine, fields, `${body}`, trailers])))
    if (others.length > 0) stage.faults.push(`${id} with parts of ${others}`)
    if (id && startLine.includes(id)) {
      const arrived = (arrivals.get(id) ?? 0) + 1
      arrivals.set(id, arrived)
      if (arrived > requestLines(sent.get(id)!, id)) {
        stage.faults.push(`more than once: ${JSON.stringify(sent.get(id))}`)
      }
    }
    socket.write(OK)
  }
  await inLanes(LANES, MESSAGES, async (i) => {
    const mutator = new Mutator(i)
    const text = mutator.mutate(mutator.pick(REQUESTS)(idOf(i)))
    sent.set(idOf(i), text)
    await send(stage.balancer.port, mutator.split(text))
    if (stage.faults.length === 0) return true
    t.comment(`seed ${SEED}, among the last ${LANES} messages: ${i} ${JSON.stringify(text)}`)
    return false
  })
  await stage.settle()
  t.same(stage.faults, [], `seed ${SEED}`)
  t.ok(arrivals.size > MESSAGES / 20, `${arrivals.size} arrived, some as they were sent`)
  t.ok(arrivals.size < MESSAGES, 'and some did not')
  t.ok(await stage.isWell())
})

/** More than the response timeout, by far: machines are busy. */
const BOUND_MS = 20_000

const RESPONSES: readonly ((id: string) => string)[] = [
  (id) => `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\nContent-Length: 11\r\n\r\nhello world`,
  (id) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Id: ${id}\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX: y\r\n\r\n`,
  (id) =>
    `HTTP/1.1 103 Early Hints\r\nX-Id: ${id}\r\n\r\nHTTP/1.1 200 OK\r\nX-Id: ${id}\r\nContent-Length: 2\r\n\r\nok`,
  (id) => `HTTP/1.1 204 No Content\r\nX-Id: ${id}\r\n\r\n`,
  (id) => `HTTP/1.1 304 Not Modified\r\nX-Id: ${id}\r\nETag: "x"\r\nContent-Length: 5\r\n\r\n`,
  (id) => `HTTP/1.0 200 OK\r\nX-Id: ${id}\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok`,
  (id) =>
    `HTTP/1.1 404 Not Found\r\nSet-Cookie: a=b\r\nX-Id: ${id}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
]

/** Reads responses until a final one, or what is there at the end of the connection. */
async function finalResponse(client: RawClient): Promise<Message | 'cut'> {
  for (;;) {
    const response = await client.response({ timeoutMs: BOUND_MS }).catch((error) => error as Error)
    if (response instanceof Error) {
      if (client.closed) return 'cut'
      throw response
    }
    const faults = faultsOf(response, 'response')
    if (faults.length > 0) throw new Error(`not a response: ${faults}`)
    if (!(statusOf(response) < 200)) return response
  }
}

test(`whatever backends send, clients get responses (${MESSAGES} messages, seed ${SEED})`, async (t) => {
  // So much that a right answer is not late on a machine that is busy.
  const stage = await openStage(t, { LB_RESPONSE_TIMEOUT: '3' })
  const sent = new Map<string, string>()
  const faults: string[] = []
  const counts = { whole: 0, refused: 0, cut: 0 }

  stage.act = async ({ startLine }, socket) => {
    const id = idsIn(startLine)[0]!
    const mutator = new Mutator(Number.parseInt(id.slice(1), 10))
    const isPlain = startLine.includes('/plain')
    const text = isPlain
      ? `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\nContent-Length: ${id.length}\r\n\r\n${id}`
      : mutator.mutate(mutator.pick(RESPONSES)(id))
    if (isPlain) return void socket.write(text)
    sent.set(id, text)
    await sendParts((bytes) => void (socket.writable && socket.write(bytes)), mutator.split(text))
    // A length that is too large, or no end: it is over at some time.
    if (mutator.below(4) > 0) setTimeout(() => socket.end(), 50)
  }

  const check = async (i: number) => {
    const id = idOf(i)
    const client = await RawClient.open(t, stage.balancer.port)
    try {
      client.send(`GET /${id} HTTP/1.1\r\nHost: x\r\n\r\n`)
      await eventually(() => client.received.length > 0 || client.closed, BOUND_MS)
      // A body without end is for the client to give up.
      const given = await Promise.race([finalResponse(client), sleep(1000).then(() => 'waiting' as const)])
      if (given === 'waiting') {
        readMessage(client.received, { kind: 'response' })
        return
      }
      if (given === 'cut') {
        counts.cut++
        return
      }
      counts[statusOf(given) >= 500 ? 'refused' : 'whole']++
      const foreign = idsIn(JSON.stringify([given.startLine, given.fields, given.trailers])).filter(
        (other) => other !== id
      )
      if (foreign.length > 0) throw new Error(`parts of ${foreign}`)
      if (client.received.length > 0) throw new Error(`more than a response: ${client.received}`)
      if (client.closed) return
      const next = idOf(MESSAGES + i)
      client.send(`GET /plain/${next} HTTP/1.1\r\nHost: x\r\n\r\n`)
      const plain = await finalResponse(client)
      if (plain === 'cut') return
      if (`${plain.body}` !== next && statusOf(plain) !== 502)
        throw new Error(`the next one got ${plain.body}`)
    } catch (error) {
      faults.push(`${error} after ${JSON.stringify(sent.get(id))}, seed ${SEED}`)
    } finally {
      client.socket.destroy()
    }
  }
  await inLanes(LANES, MESSAGES, async (i) => {
    await check(i)
    return faults.length < 5
  })
  t.same(faults, [])
  t.same(stage.faults, [])
  for (const [kind, count] of Object.entries(counts)) t.ok(count > 0, `${count} ${kind}`)
  await stage.settle()
  t.ok(await stage.isWell())
})

const { FAIRLEAD_FUZZ_MESSAGES = '2000' } = process.env
const SESSION_COUNT = Number(FAIRLEAD_FUZZ_MESSAGES)
/** Time for an answer; a request that is not whole has none. */
const SESSION_PATIENCE_MS = 40

/** What a backend does: answers in one of these ways, or breaks. */
const ANSWERS = [
  OK,
  'HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nETag: a\r\nETag: b\r\n\r\n',
  'HTTP/1.1 204 None\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok',
  `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`
]

const tagged = (id: string): Fields => [
  ['x-id', id],
  ['cookie', 'a=b'],
  ['cookie', 'c=d']
]

/** Right sessions behind their settings, of whose requests the targets tell the id. */
const SESSIONS: readonly ((id: string) => Buffer[])[] = [
  (id) => [headers(1, get(`/${id}`, ...tagged(id)))],
  (id) => [
    headers(1, get(`/${id}`)),
    headers(3, request('HEAD', `/${id}`)),
    ping(),
    headers(5, request('PUT', `/${id}`))
  ],
  (id) => [
    headers(1, request('POST', `/${id}`, ['content-length', `${id.length}`]), { open: true }),
    data(1, id, true)
  ],
  (id) => [
    headers(1, request('POST', `/${id}`, ['te', 'trailers']), { open: true }),
    data(1, 'hello'),
    data(1, id),
    headers(1, [['a', id]])
  ],
  (id) => [
    headers(1, request('POST', `/${id}`, ['expect', '100-continue']), { open: true }),
    data(1, id),
    reset(1),
    headers(3, get(`/${id}`))
  ],
  (id) => [
    frame(Type.headers, Flag.endStream, 1, block(get(`/${id}`))),
    frame(Type.continuation, Flag.endHeaders, 1, block(tagged(id)))
  ],
  (id) => [
    headers(
      1,
      [
        [':method', 'CONNECT'],
        [':protocol', 'websocket'],
        [':scheme', 'http'],
        [':authority', 'x'],
        [':path', `/${id}`]
      ],
      { open: true }
    ),
    data(1, id)
  ],
  (id) => [
    settings([Setting.window, 10]),
    headers(1, get(`/${id}`)),
    window(1, 100),
    window(0, 5),
    settings([Setting.window, 70_000])
  ],
  () => [headers(1, get('/__lb/live')), headers(3, get('/#refused'))]
]

/** Damages the frames of a session: their order, their heads, or the bytes within. */
function damage(mutator: Mutator, frames: readonly Buffer[]): Buffer[] {
  const damaged = [...frames]
  const at = mutator.below(damaged.length)
  switch (mutator.below(6)) {
    case 0:
      damaged.splice(at, 1)
      break
    case 1:
      damaged.splice(mutator.below(damaged.length + 1), 0, damaged[at]!)
      break
    case 2:
      damaged.splice(mutator.below(damaged.length + 1), 0, oddFrame(mutator))
      break
    case 3:
      damaged[at] = Buffer.from(mutator.mutate(damaged[at]!.toString('latin1')), 'latin1')
      break
    case 4: {
      // What its head says stays right.
      const whole = readFrame(damaged[at]!)
      if (!whole) break
      const { type, flags, id, payload } = whole
      damaged[at] = frame(type, flags, id, mutator.mutate(payload.toString('latin1')))
      break
    }
    default: {
      const bytes = Buffer.from(damaged[at]!)
      bytes[mutator.below(Math.min(bytes.length, 24))] = mutator.below(256)
      damaged[at] = bytes
    }
  }
  return damaged
}

function oddFrame(mutator: Mutator): Buffer {
  const payload = Buffer.from(Array.from({ length: mutator.below(20) }, () => mutator.below(256)))
  return frame(mutator.below(12), mutator.below(256), mutator.below(8), payload)
}

test(`whatever frames clients send, backends get requests (${SESSION_COUNT} sessions, seed ${SEED})`, async (t) => {
  const stage = await openStage(t, { LB_H2C: 'true', LB_REQUEST_HEAD_TIMEOUT: '1', LB_RESPONSE_TIMEOUT: '3' })
  const answered = new Mutator(SEED)
  const arrived = new Set<string>()
  let requests = 0
  stage.act = ({ startLine, fields, body, trailers }, socket) => {
    const [id, ...others] = new Set(idsIn(JSON.stringify([startLine, fields, `${body}`, trailers])))
    if (others.length > 0) stage.faults.push(`${id} with parts of ${others}`)
    if (id) arrived.add(id)
    requests++
    stage.requests.length = 0
    const answer = answered.pick(ANSWERS)
    socket.write(answer)
    if (answer.endsWith('5\r\n\r\nok')) socket.destroy()
  }
  let unwell: unknown
  const note = (error: unknown) => {
    unwell ??= error
  }
  process.on('uncaughtException', note)
  await inLanes(LANES, SESSION_COUNT, async (i) => {
    const mutator = new Mutator(i)
    let frames: Buffer[] = mutator.pick(SESSIONS)(idOf(i))
    for (let left = mutator.below(4); left > 0 && frames.length > 0; left--) frames = damage(mutator, frames)
    const session = await FrameClient.connect(stage.balancer.port)
    for (const part of mutator.split(Buffer.concat(frames).toString('latin1'))) {
      session.send(part)
      if (mutator.below(2) === 0) await sleep(1)
    }
    if (mutator.below(4) > 0) {
      const isOver = () => session.isOver || [...session.streams.values()].some(({ ended }) => ended)
      await eventually(isOver, SESSION_PATIENCE_MS).catch(() => {})
    }
    if (mutator.below(4) === 0) session.socket.end()
    else session.leave()
    if (stage.faults.length === 0 && unwell === undefined) return true
    t.comment(
      `seed ${SEED}, among the last ${LANES} sessions: ${i} ${JSON.stringify(frames.map((part) => part.toString('latin1')))}`
    )
    return false
  })
  await stage.settle()
  process.off('uncaughtException', note)
  t.equal(unwell, undefined, `seed ${SEED}`)
  t.same(stage.faults, [], `seed ${SEED}`)
  t.ok(
    arrived.size > SESSION_COUNT / 20 && arrived.size < SESSION_COUNT,
    `${arrived.size} arrived, ${requests} requests`
  )
  t.same(
    stage.balancer.log.filter(({ level }) => level >= 50),
    []
  )
  stage.act = OK
  stage.requests.length = 0
  t.ok(await stage.isWell())
})
