import { eventually } from '../../helper.js'
import type { FrameClient } from '../../support/frame-client.js'
import { Code, Flag, type Frame, get, headers, ping, Type } from '../../support/http2-frames.js'
import type { Expectation, Step } from './case.js'

const PATIENCE_MS = 4000
/** Time for what must not come. */
const QUIET_MS = 60
/** Above those of all cases. */
const NEXT_ID = 0x1001

/** What needs no more than the session to see. */
type SessionExpectation = (session: FrameClient) => Promise<void>

const codeNames = Object.keys(Code)
const named = (code: number | undefined) => (code === undefined ? 'none' : (codeNames[code] ?? `${code}`))

/** What has come so far, for who reads of a fault. */
export function seen(session: FrameClient): string {
  const parts = [...session.streams]
    .filter(([, { status, resetCode, ended }]) => status > 0 || ended || resetCode !== undefined)
    .map(([id, { status, resetCode, ended, bodyBytes }]) => {
      const reset = resetCode === undefined ? '' : `, reset ${named(resetCode)}`
      return `${id}: ${status}, ${bodyBytes} bytes${ended ? ', ended' : ''}${reset}`
    })
  if (session.goawayCode !== undefined) parts.push(`goaway ${named(session.goawayCode)}`)
  if (session.ended || session.closed) parts.push('closed')
  return parts.join('; ') || 'nothing'
}

/** Waits, and says what has come instead if it does not. */
export async function until(session: FrameClient, what: string, condition: () => unknown): Promise<void> {
  await eventually(condition, PATIENCE_MS).catch(() => {
    throw new Error(`not ${what}, but ${seen(session)}`)
  })
}

function expect(session: FrameClient, what: string, holds: boolean): void {
  if (!holds) throw new Error(`not ${what}, but ${seen(session)}`)
}

const framesOf = (session: FrameClient, type: number, id = 0): Frame[] =>
  session.frames.filter((frame) => frame.type === type && frame.id === id)

/** Whether one of a PING's acknowledgements has come more. */
export async function confirmed(session: FrameClient): Promise<void> {
  const acks = () => framesOf(session, Type.ping).filter(({ flags }) => (flags & Flag.ack) !== 0).length
  const before = acks()
  session.send(ping())
  await until(session, 'an answer to PING', () => acks() > before)
}

/** The session ends with one of these codes (section 5.4.1). */
export const connectionError = (...codes: number[]): SessionExpectation =>
  connectionErrorAfter(undefined, ...codes)

/** The same, and this is the last stream that may have been processed. */
export function connectionErrorAfter(lastId: number | undefined, ...codes: number[]): SessionExpectation {
  return async (session) => {
    const what = `goaway ${codes.map(named).join(' or ')}`
    await until(session, what, () => session.isOver)
    expect(session, what, codes.includes(session.goawayCode!))
    const [last] = framesOf(session, Type.goaway).slice(-1)
    const told = last!.payload.readUInt32BE(0)
    if (lastId !== undefined && told !== lastId) throw new Error(`the last stream is ${told}`)
    await until(session, 'closed', () => session.ended || session.closed)
  }
}

/** The stream is reset with one of these codes, once, and the session goes on (section 5.4.2). */
export function streamError(id: number, ...codes: number[]): SessionExpectation {
  return async (session) => {
    const what = `${id} reset ${codes.map(named).join(' or ')}`
    const stream = session.stream(id)
    await until(session, what, () => stream.resetCode !== undefined || session.isOver)
    expect(session, what, codes.includes(stream.resetCode!))
    await goesOn(session)
    expect(session, 'reset once', framesOf(session, Type.reset, id).length === 1)
  }
}

/** Either. */
export function anyError(id: number, ...codes: number[]): SessionExpectation {
  return async (session) => {
    const what = `an error ${codes.map(named).join(' or ')}`
    const stream = session.stream(id)
    await until(session, what, () => stream.resetCode !== undefined || session.isOver)
    expect(session, what, codes.includes((session.goawayCode ?? stream.resetCode)!))
  }
}

/** A request is answered, and nothing speaks against it. */
export const goesOn = async (session: FrameClient): Promise<void> => {
  await confirmed(session)
  const id = Math.max(NEXT_ID, ...session.streams.keys()) + 2
  session.send(headers(id, get('/status/204')))
  await session.over(id, PATIENCE_MS).catch(() => {})
  const { ended, resetCode } = session.stream(id)
  expect(session, `${id} answered`, ended && resetCode === undefined)
}

/** Nothing is said of what was sent. */
export const ignored = async (session: FrameClient): Promise<void> => {
  await goesOn(session)
  const isReset = [...session.streams.values()].some(({ resetCode }) => resetCode !== undefined)
  expect(session, 'ignored', !isReset && !session.isOver)
}

/** The stream is answered whole, and the session goes on. */
export function answered(id: number, status = 200, bytes?: number): SessionExpectation {
  return async (session) => {
    await settled(id)(session)
    const stream = session.stream(id)
    const isWhole = stream.ended && (bytes === undefined || stream.bodyBytes === bytes)
    expect(session, `${id} answered with ${status}`, isWhole && stream.status === status)
    await goesOn(session)
  }
}

/** A malformed request: reset with PROTOCOL_ERROR or answered with 400, and never asked of a backend. */
export function refused(id: number): SessionExpectation {
  return async (session) => {
    await settled(id)(session)
    const { status, resetCode } = session.stream(id)
    expect(session, `${id} refused`, status === 400 || (status === 0 && resetCode === Code.protocol))
    await goesOn(session)
  }
}

/** Waits until a stream is over. */
export const settled =
  (id: number) =>
  async (session: FrameClient): Promise<void> => {
    const stream = session.stream(id)
    const isOver = () => stream.ended || stream.resetCode !== undefined || session.isOver
    await until(session, `${id} over`, isOver)
  }

/** Waits until so many bytes of a stream have come. */
export const bytesOf =
  (id: number, bytes: number): Step =>
  async (session) => {
    const stream = session.stream(id)
    await until(session, `${bytes} bytes of ${id}`, () => stream.bodyBytes >= bytes || session.isOver)
  }

/** Waits for what must not come. */
export const quietly: Step = () => new Promise((resolve) => setTimeout(resolve, QUIET_MS))

/** Waits until a request has reached the backend. */
export const arrived =
  (path: string): Step =>
  (session, { asked }) =>
    until(session, `${path} at the backend`, () => asked.includes(path))

/** One after the other. */
export function all(...expectations: Expectation[]): Expectation {
  return async (session, stage) => {
    for (const expectation of expectations) await expectation(session, stage)
  }
}

/** So many bytes of a body have come, and the stream has or has not ended. */
export function holds(id: number, bytes: number, isEnded = false): SessionExpectation {
  return async (session) => {
    const stream = session.stream(id)
    const isRight = () => stream.bodyBytes === bytes && stream.ended === isEnded
    await until(session, `${bytes} bytes of ${id}`, isRight)
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
    expect(session, `${bytes} bytes of ${id}, and no more`, isRight())
  }
}
