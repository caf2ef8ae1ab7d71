import { eventually, inFlight, test } from '../../helper.js'
import { FrameClient } from '../../support/frame-client.js'
import { frame, get, headers, readFrame, Setting, window } from '../../support/http2-frames.js'
import { inLanes, MESSAGES, Mutator, SEED } from '../mutations.js'
import { RandomSession } from './random-session.js'
import { openStage } from './stage.js'

const LANES = 16
const SESSIONS = Math.ceil(MESSAGES / 25)
const BROKEN_SESSIONS = Math.ceil(MESSAGES / 5)
const STEPS = 40
const AMPLE = 2 ** 30
const END_MS = 15_000
/** Time for a broken session to do something. */
const BROKEN_MS = 200

/** Sends in pieces that are cut anywhere. */
function sendCut(session: FrameClient, mutator: Mutator, bytes: Buffer): void {
  for (const part of mutator.split(bytes.toString('latin1'))) session.send(part)
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Plays a session that keeps to RFC 9113 to its end, and returns what is wrong with what came. */
async function play(port: number, i: number): Promise<string[]> {
  const mutator = new Mutator(i)
  const random = new RandomSession(mutator)
  const session = await FrameClient.connect(port)
  random.settings([Setting.tableSize, 0])
  random.attach(session)
  try {
    for (let step = 0; step < STEPS; step++) {
      sendCut(session, mutator, random.step())
      if (mutator.below(3) === 0) await turn()
    }
    session.send(random.settings([Setting.window, 1_000_000]), random.grant(0, AMPLE))
    for (const { id, isReset } of random.asked) if (!isReset) session.send(random.grant(id, 1))
    const wanted = random.asked.filter(({ isReset }) => !isReset)
    const isOver = () => {
      session.send(...random.rest())
      return session.isOver || wanted.every(({ id }) => session.stream(id).ended)
    }
    await eventually(isOver, END_MS).catch(() => random.rules.faults.push('not all is answered'))
    for (const { id, gets } of wanted) {
      const { ended, bodyBytes, resetCode } = session.stream(id)
      if (!ended || bodyBytes !== gets)
        random.rules.faults.push(`${id}: ended ${ended}, ${bodyBytes} of ${gets} bytes, reset ${resetCode}`)
    }
    return random.rules.faults
  } finally {
    session.leave()
  }
}

test(`clients that keep to RFC 9113 are answered so (${SESSIONS} sessions, seed ${SEED})`, async (t) => {
  const stage = await openStage(t)
  await inLanes(LANES, SESSIONS, async (i) => {
    const faults = await play(stage.balancer.port, i)
    if (faults.length === 0) return true
    t.same(faults.slice(0, 3), [], `session ${i}`)
    return false
  })
  t.ok(stage.asked.length > SESSIONS, `${stage.asked.length} requests have come`)
  t.same(
    stage.balancer.log.filter(({ level }) => level >= 40),
    []
  )
})

/** Damages one of the frames, or puts another beside it. */
function damage(mutator: Mutator, frames: Buffer[]): void {
  const at = mutator.below(frames.length)
  const { type, flags, id, payload } = readFrame(frames[at]!)!
  switch (mutator.below(7)) {
    case 0:
      frames.splice(at, 1)
      break
    case 1:
      frames.splice(at, 0, frames[mutator.below(frames.length)]!)
      break
    case 2:
      frames[at] = frame(type, mutator.below(256), id, payload)
      break
    case 3:
      frames[at] = frame(type, flags, mutator.below(20), payload)
      break
    case 4:
      frames[at] = frame(mutator.below(18), flags, id, payload)
      break
    case 5:
      frames[at] = frame(type, flags, id, payload.subarray(0, mutator.below(payload.length + 1)))
      break
    default:
      frames[at] = frame(type, flags, id, mutator.mutate(payload.toString('latin1')))
  }
}

/** The frames within bytes that are all whole. */
function framesIn(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const { size } = readFrame(bytes.subarray(at))!
    frames.push(bytes.subarray(at, at + size))
    at += size
  }
  return frames
}

async function breakOne(port: number, i: number): Promise<void> {
  const mutator = new Mutator(1_000_000 + i)
  const random = new RandomSession(mutator)
  const frames: Buffer[] = []
  for (let step = mutator.below(STEPS); step >= 0; step--) frames.push(...framesIn(random.step()))
  for (let left = 1 + mutator.below(3); left > 0 && frames.length > 0; left--) damage(mutator, frames)
  const session = await FrameClient.connect(port)
  sendCut(session, mutator, Buffer.concat(frames))
  const isHeard = () => session.isOver || [...session.streams.values()].some(({ ended }) => ended)
  if (mutator.below(4) > 0) await eventually(isHeard, BROKEN_MS).catch(() => {})
  if (mutator.below(4) === 0) session.socket.end()
  else session.leave()
}

test(`whatever clients send, all others are served (${BROKEN_SESSIONS} sessions, seed ${SEED})`, async (t) => {
  const stage = await openStage(t)
  const { balancer } = stage
  const other = await FrameClient.open(t, balancer.port)
  let isOver = false
  let asked = 0
  const asking = (async () => {
    for (let id = 1; !isOver; id += 2) {
      // The window is to be as wide as ever.
      other.send(window(0, 2), headers(id, get('/other')))
      const { ended, bodyBytes } = await other.over(id, END_MS)
      if (!ended || bodyBytes !== 2) throw new Error(`another client was not answered, at request ${id}`)
      other.streams.delete(id)
      asked++
      await turn()
    }
  })()
  let unwell: unknown
  const note = (error: unknown) => {
    unwell ??= error
  }
  process.on('uncaughtException', note)
  await inLanes(LANES, BROKEN_SESSIONS, async (i) => {
    await breakOne(balancer.port, i)
    if (unwell === undefined) return true
    t.comment(`seed ${SEED}, among the last ${LANES} sessions: ${i}`)
    return false
  })
  isOver = true
  await asking
  process.off('uncaughtException', note)
  t.equal(unwell, undefined, `seed ${SEED}`)
  t.ok(asked > 0, `another client was answered ${asked} times`)
  t.ok(stage.asked.length > BROKEN_SESSIONS / 10, `${stage.asked.length} requests have come`)
  await t.resolves(
    eventually(() => inFlight(balancer).every((count) => count === 0)),
    'every slot is given back'
  )
  t.same(
    balancer.log.filter(({ level }) => level >= 50),
    []
  )
})
