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
import { openStage } from './harness.js'
import { idOf, idsIn, inLanes, Mutator, SEED } from './mutations.js'

const { FAIRLEAD_FUZZ_MESSAGES = '2000' } = process.env
const MESSAGES = Number(FAIRLEAD_FUZZ_MESSAGES)
const LANES = 24
/** Time for an answer; a request that is not whole has none. */
const PATIENCE_MS = 40

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
const TEMPLATES: readonly ((id: string) => Buffer[])[] = [
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

test(`whatever frames clients send, backends get requests (${MESSAGES} sessions, seed ${SEED})`, async (t) => {
  const stage = await openStage(t, { LB_H2C: 'true', LB_REQUEST_HEAD_TIMEOUT: '1' })
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
  await inLanes(LANES, MESSAGES, async (i) => {
    const mutator = new Mutator(i)
    let frames: Buffer[] = mutator.pick(TEMPLATES)(idOf(i))
    for (let left = mutator.below(4); left > 0 && frames.length > 0; left--) frames = damage(mutator, frames)
    const session = await FrameClient.connect(stage.balancer.port)
    for (const part of mutator.split(Buffer.concat(frames).toString('latin1'))) {
      session.send(part)
      if (mutator.below(2) === 0) await sleep(1)
    }
    if (mutator.below(4) > 0) {
      const isOver = () => session.isOver || [...session.streams.values()].some(({ ended }) => ended)
      await eventually(isOver, PATIENCE_MS).catch(() => {})
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
    arrived.size > MESSAGES / 10 && arrived.size < MESSAGES,
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
