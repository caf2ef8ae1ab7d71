import type { Test } from 'tap'
import { eventually, test } from '../helper.js'
import { FrameClient } from '../support/frame-client.js'
import { type Fields, get, headers } from '../support/http2-frames.js'
import { forHttp2 } from '../support/secure-ports.js'
import { openStage, type Stage } from './harness.js'
import { CONTROLS, hex } from './refused/case.js'
import { controls, fields, pseudoFields, type RefusedFields, targets } from './refused/http2.js'

const PROTOCOL_ERROR = 1
const H2C = forHttp2()

/** Sends each over a session that goes on: it is refused, and no byte of it arrives. */
function testRefusals(name: string, cases: readonly RefusedFields[]): void {
  test(name, async (t) => {
    const stage = await openStage(t, H2C)
    const session = await FrameClient.open(t, stage.balancer.port)
    let id = 1
    for (const { name, section, fields, statuses } of cases) {
      session.send(headers(id, fields))
      const { status, resetCode } = await session.over(id)
      t.ok(statuses.includes(status), `${name} (${section}): ${status}`)
      t.equal(resetCode, status === 0 ? PROTOCOL_ERROR : undefined)
      id += 2
    }
    t.equal(stage.bytes, 0, 'no byte of them arrives')
    await checkWell(t, stage, session, id)
  })
}

async function checkWell(t: Test, stage: Stage, session: FrameClient, id: number): Promise<void> {
  session.send(headers(id, get('/well')))
  t.equal((await session.over(id)).status, 200, 'the session goes on')
  t.equal(stage.requests.at(-1)?.startLine, 'GET /well HTTP/1.1')
  t.same(stage.faults, [])
}

testRefusals('pseudo-fields that are wrong are refused', pseudoFields)
testRefusals('targets and hosts that are none are refused', targets)
testRefusals('control characters in pseudo-fields are refused', controls)
testRefusals('fields that would be of the connection, or frame the message, are refused', fields)

/** Fields that Node drops, whatever their name: the request passes without them (RFC 9113 section 8.2.1). */
const DROPPED: readonly Fields[number][] = [
  ...[...CONTROLS, '\r', '\n', '\r\nsmuggled: '].map((char) => ['a', `b${char}c`] as const),
  ...[...CONTROLS, ' ', '\r', '\n', ':', '\t', '\xe9', '\r\nsmuggled:'].map(
    (char) => [`a${char}b`, 'c'] as const
  ),
  ['', 'a'],
  ['a', ' b'],
  ['a', 'b\t'],
  ['host', 'x y'],
  ['authorization', 'a\nb']
]

/** What passes on, and as what. */
const PASSED: readonly (readonly [name: string, sent: Fields, arrives: Fields])[] = [
  [
    'cookies in crumbs',
    [
      ['cookie', 'a=b'],
      ['x', 'y'],
      ['cookie', 'c=d']
    ],
    [
      ['x', 'y'],
      ['cookie', 'a=b; c=d']
    ]
  ],
  ['the host said twice', [['host', 'X']], []],
  [
    'te: trailers',
    [['te', 'trailers']],
    [
      ['TE', 'trailers'],
      ['Connection', 'TE']
    ]
  ],
  ['a length of 0', [['content-length', '0']], [['content-length', '0']]],
  ['obs-text', [['a', 'b\xe9']], [['a', 'b\xe9']]],
  ['as many fields as may be', Array(990).fill(['a', 'b']), Array(990).fill(['a', 'b'])],
  [
    'names that every object has',
    [
      ['__proto__', 'a'],
      ['constructor', 'b']
    ],
    [
      ['__proto__', 'a'],
      ['constructor', 'b']
    ]
  ],
  ...DROPPED.map((field) => [`${field.map((text) => [...text].map(shown).join(''))}`, [field], []] as const)
]

function shown(char: string): string {
  return char < ' ' || char > '~' ? hex(char) : char
}

test('what passes on has one meaning', async (t) => {
  const stage = await openStage(t, H2C)
  const session = await FrameClient.open(t, stage.balancer.port)
  let id = 1
  for (const [name, sent, arrives] of PASSED) {
    session.send(headers(id, get('/passed', ...sent)))
    t.equal((await session.over(id)).status, 200, name)
    const { startLine, fields } = stage.requests.at(-1)!
    const own = fields.filter(([name]) => !/^(?:x-|forwarded|via)/i.test(name))
    t.same([startLine, ...own], ['GET /passed HTTP/1.1', ['host', 'x'], ...arrives], name)
    id += 2
  }
  t.equal(stage.requests.length, PASSED.length)
  await checkWell(t, stage, session, id)
})

test('what is not for the backends is not passed on, however it is written', async (t) => {
  const stage = await openStage(t, H2C)
  const session = await FrameClient.open(t, stage.balancer.port)
  session.send(headers(1, get('/__lb/live', ['__proto__', 'a'], ['constructor', 'b'], ['constructor', 'c'])))
  t.equal((await session.over(1)).status, 200)
  t.equal(stage.bytes, 0)
  await eventually(() => stage.balancer.stats().requests.inFlight === 0)
})
