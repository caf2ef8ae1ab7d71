import type { FrameClient } from '../../support/frame-client.js'
import { Code, frame, get, headers, Setting, Type, uint32, window } from '../../support/http2-frames.js'
import { type Expectation, type Step, section } from './case.js'
import { answered, bytesOf, confirmed, connectionError, ignored, settled, until } from './expectations.js'
import { testCases } from './stage.js'

// Priorities: RFC 9218

const { protocol, frameSize } = Code
const BODY = 400_000
/** Windows of streams that never end. */
const WIDE = { own: [[Setting.window, 2 ** 30]] } as const
const CONNECTION_WINDOW = 65_535
const GRANT = 8000
const GRANTS = 12
const GRANTED = GRANT * GRANTS

const update = (id: number, value: string, of = 0) =>
  frame(Type.priorityUpdate, 0, of, Buffer.concat([uint32(id), Buffer.from(value)]))
const wanted = (id: number, priority?: string) =>
  headers(id, get(`/body/${BODY}`, ...(priority === undefined ? [] : [['priority', priority] as const])))
const held = headers(1, get('/hold'))

const UPDATES = section('RFC 9218, 7.1', {
  'PRIORITY_UPDATE of a stream': [[held, update(1, 'u=1', 1)], connectionError(protocol)],
  'PRIORITY_UPDATE for stream 0': [[update(0, 'u=1')], connectionError(protocol)],
  'PRIORITY_UPDATE of three bytes': [[frame(Type.priorityUpdate, 0, 0, 'abc')], connectionError(frameSize)],
  'PRIORITY_UPDATE of no bytes': [[frame(Type.priorityUpdate, 0, 0)], connectionError(frameSize)],
  'PRIORITY_UPDATE for a push that nobody made': [[update(2, 'u=1')], connectionError(protocol)],
  'PRIORITY_UPDATE for a stream that is open': [[held, update(1, 'u=1, i')], ignored],
  'PRIORITY_UPDATE ahead of its stream': [[update(1, 'u=1'), headers(1, get())], answered(1)],
  'PRIORITY_UPDATE opens no stream': [[update(9, 'u=1'), headers(3, get())], answered(3)],
  'PRIORITY_UPDATE for a closed stream': [[headers(1, get()), settled(1), update(1, 'u=1')], ignored],
  'PRIORITY_UPDATE without a value': [[held, update(1, '')], ignored],
  'PRIORITY_UPDATE with flags, which it has none of': [
    [held, frame(Type.priorityUpdate, 0xff, 0, Buffer.concat([uint32(1), Buffer.from('u=1')]))],
    ignored
  ],
  'PRIORITY_UPDATE with the reserved bit': [[held, update(2 ** 31 + 1, 'u=1')], ignored]
})

const VALUES = section('RFC 9218, 4', {
  'an urgency above 7': [[headers(1, get('/', ['priority', 'u=8']))], answered(1)],
  'an urgency of letters': [[headers(1, get('/', ['priority', 'u=high']))], answered(1)],
  'a value that is none': [[headers(1, get('/', ['priority', '=;,,"']))], answered(1)],
  'parameters that nobody knows': [[headers(1, get('/', ['priority', 'u=1;a, x=?1, i']))], answered(1)],
  'the field twice': [[headers(1, get('/', ['priority', 'u=1'], ['priority', 'i']))], answered(1)]
})

/** Bytes of each of these streams that come by `GRANTS` updates of the connection's window. */
async function shares(session: FrameClient, ids: readonly number[]): Promise<number[]> {
  const total = () => ids.reduce((sum, id) => sum + session.stream(id).bodyBytes, 0)
  const before = ids.map((id) => session.stream(id).bodyBytes)
  for (let i = 0; i < GRANTS; i++) {
    const goal = total() + GRANT
    session.send(window(0, GRANT))
    await until(session, `${goal} bytes`, () => total() >= goal)
    // What has been sent makes room for more from the backend.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return ids.map((id, i) => session.stream(id).bodyBytes - before[i]!)
}

/** The window of the connection is used up by stream 1, so that the others wait for it. */
const blocked: readonly Step[] = [
  headers(1, get(`/body/${CONNECTION_WINDOW}`)),
  bytesOf(1, CONNECTION_WINDOW)
]

const sharing =
  (ids: readonly number[], parts: readonly number[], slack = 0.1): Expectation =>
  async (session) => {
    await Promise.all(ids.map((id) => until(session, `${id} begun`, () => session.stream(id).status === 200)))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const got = await shares(session, ids)
    const isRight = got.every((bytes, i) => Math.abs(bytes / GRANTED - parts[i]!) <= slack)
    if (!isRight) throw new Error(`${got.map((bytes) => (bytes / GRANTED).toFixed(2))}`)
  }

const ORDER = section('RFC 9218, 10', {
  'the more urgent comes first': [
    [...blocked, wanted(3, 'u=5'), wanted(5, 'u=1')],
    sharing([3, 5], [0, 1]),
    WIDE
  ],
  'the more urgent comes first, whichever was asked first': [
    [...blocked, wanted(3, 'u=1'), wanted(5, 'u=5')],
    sharing([3, 5], [1, 0]),
    WIDE
  ],
  'the urgency is 3 unless it is said': [
    [...blocked, wanted(3, 'u=4'), wanted(5), wanted(7, 'u=2')],
    sharing([3, 5, 7], [0, 0, 1]),
    WIDE
  ],
  'and more urgent than 4': [[...blocked, wanted(3, 'u=4'), wanted(5)], sharing([3, 5], [0, 1]), WIDE],
  'those that are not incremental come one after the other': [
    [...blocked, wanted(3, 'u=3'), wanted(5, 'u=3'), wanted(7, 'i=?0')],
    sharing([3, 5, 7], [1, 0, 0]),
    WIDE
  ],
  'those of which nothing is said share': [
    [...blocked, wanted(3), wanted(5), wanted(7)],
    sharing([3, 5, 7], [1 / 3, 1 / 3, 1 / 3]),
    WIDE
  ],
  'those that are incremental share': [
    [...blocked, wanted(3, 'i'), wanted(5, 'i')],
    sharing([3, 5], [0.5, 0.5]),
    WIDE
  ],
  'four that are incremental share': [
    [...blocked, ...[3, 5, 7, 9].map((id) => wanted(id, 'u=3, i'))],
    sharing([3, 5, 7, 9], [0.25, 0.25, 0.25, 0.25]),
    WIDE
  ],
  'an urgency that is none is that of the default': [
    [...blocked, wanted(3, 'u=4'), wanted(5, 'u=9')],
    sharing([3, 5], [0, 1]),
    WIDE
  ],
  'PRIORITY_UPDATE makes one more urgent': [
    [...blocked, wanted(3), wanted(5), confirmed, update(5, 'u=0')],
    sharing([3, 5], [0, 1]),
    WIDE
  ],
  'PRIORITY_UPDATE ahead of its stream counts': [
    [...blocked, update(5, 'u=0'), wanted(3), wanted(5)],
    sharing([3, 5], [0, 1]),
    WIDE
  ],
  'PRIORITY_UPDATE counts more than the field': [
    [...blocked, update(5, 'u=6'), wanted(3, 'u=4'), wanted(5, 'u=0')],
    sharing([3, 5], [1, 0]),
    WIDE
  ],
  'PRIORITY_UPDATE without a value is the default': [
    [...blocked, wanted(3, 'u=4'), wanted(5, 'u=6'), confirmed, update(5, '')],
    sharing([3, 5], [0, 1]),
    WIDE
  ],
  'one whose own window is used up lets the others go first': [
    [...blocked, wanted(3, 'u=0'), wanted(5, 'u=7')],
    sharing([3, 5], [CONNECTION_WINDOW / GRANTED, 1 - CONNECTION_WINDOW / GRANTED]),
    { own: [[Setting.window, CONNECTION_WINDOW]] }
  ]
})

testCases('HTTP/2: priorities', [...UPDATES, ...VALUES, ...ORDER])
