import { METHODS } from 'node:http'
import type { Test } from 'tap'
import { eventually, test } from '../helper.js'
import { FrameClient } from '../support/frame-client.js'
import { type Fields, get, headers } from '../support/http2-frames.js'
import { OK } from '../support/raw-backend.js'
import { forHttp2 } from '../support/secure-ports.js'
import { fieldValue, fieldValues, statusOf } from '../support/wire.js'
import { maxForwards } from './cases/max-forwards.js'
import { openStage, type Stage, testCases } from './harness.js'
import { testRefusals } from './refusals.js'
import { CONTROLS, hex, refused } from './refused/case.js'
import { controls, fields, pseudoFields, type RefusedFields, targets } from './refused/http2.js'
import { fieldLines, framing, hosts, requestLines } from './refused/index.js'

testRefusals('a request line that is none is refused', requestLines)
testRefusals('a field line that is none is refused', fieldLines)
testRefusals('a Host that is none is refused', hosts)
testRefusals('framing that can be read in two ways is refused', framing)

const PROTOCOL_ERROR = 1
const H2C = forHttp2()

/** Sends each over a session that goes on: it is refused, and no byte of it arrives. */
function testRefusedFields(name: string, cases: readonly RefusedFields[]): void {
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

testRefusedFields('pseudo-fields that are wrong are refused', pseudoFields)
testRefusedFields('targets and hosts that are none are refused', targets)
testRefusedFields('control characters in pseudo-fields are refused', controls)
testRefusedFields('fields that would be of the connection, or frame the message, are refused', fields)

const MALFORMED: readonly Fields[number][] = [
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

testRefusedFields(
  'fields that are none are refused',
  MALFORMED.map((field) => ({
    name: `${field.map((text) => [...text].map(shown).join(''))}`,
    section: '8.2.1',
    fields: get('/refused', field),
    statuses: [0, 400]
  }))
)

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
  ]
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
  await eventually(async () => (await stage.balancer.stats()).requests.inFlight === 0)
})

const request = (method: string, target: string, ...lines: string[]) =>
  [`${method} ${target} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')
const last = (method: string, target: string, ...lines: string[]) =>
  request(method, target, 'Max-Forwards: 0', ...lines)
const NEXT = request('GET', '/next')
const listed = (allow: string) => allow.split(/\s*,\s*/).sort()
const PASSED_ON = METHODS.filter((method) => method !== 'CONNECT').sort()

for (const [name, cases] of Object.entries(maxForwards)) testCases(name, cases)

test('OPTIONS that may go no further is answered with the methods that are passed on', async (t) => {
  const stage = await openStage(t)
  for (const [name, sent] of [
    ['of the server', last('OPTIONS', '*')],
    ['of a path', last('OPTIONS', '/p?q')],
    ['of an absolute target', last('OPTIONS', 'http://x/p')],
    ['with zeros', request('OPTIONS', '*', 'max-FORWARDS:\t000 ')],
    ['that is not to arrive', last('OPTIONS', '*', 'Connection: max-forwards')],
    ['with another protocol', last('OPTIONS', '*', 'Connection: Upgrade', 'Upgrade: websocket')]
  ] as const) {
    const client = await stage.client()
    const before = stage.requests.length
    client.send(sent)
    const response = await client.response()
    t.equal(response.startLine, 'HTTP/1.1 200 OK', `${name} (RFC 9110, 7.6.2)`)
    t.same(listed(fieldValue(response.fields, 'allow')!), PASSED_ON, `${name} (RFC 9110, 10.2.1)`)
    t.same(fieldValues(response.fields, 'content-length'), ['0'], `${name} (RFC 9110, 9.3.7)`)
    t.equal(stage.requests.length, before, 'nothing of it arrives')
    client.send(NEXT)
    t.equal(`${(await client.response()).body}`, 'ok', 'the connection goes on')
    client.socket.destroy()
  }
  t.match((await stage.balancer.stats()).requests, { failed: 0, rejected: { badRequest: 0 } })
})

test('the body of such OPTIONS is not taken for a request', async (t) => {
  const stage = await openStage(t)
  for (const [name, lines, body] of [
    ['a length', [`Content-Length: ${NEXT.length}`], NEXT],
    ['chunks', ['Transfer-Encoding: chunked'], `${NEXT.length.toString(16)}\r\n${NEXT}\r\n0\r\n\r\n`],
    ['a body that waits', [`Content-Length: ${NEXT.length}`, 'Expect: 100-continue'], '']
  ] as const) {
    const client = await stage.client()
    client.send(last('OPTIONS', '*', ...lines) + body)
    const response = await client.next()
    t.equal(statusOf(response), 200, `${name} (RFC 9110, 7.6.2)`)
    t.equal(fieldValue(response.fields, 'connection'), 'close', `${name} (RFC 9112, 9.6)`)
    if (body !== '') await eventually(() => client.closed)
    t.equal(client.received.length, 0)
    client.socket.destroy()
  }
  t.equal(stage.requests.length, 0)
  t.ok(await stage.isWell())
})

test('it is answered in its turn, and though no backend is there', async (t) => {
  const stage = await openStage(t)
  const client = await stage.client()
  stage.act = OK
  client.send(request('GET', '/1') + last('OPTIONS', '*') + request('GET', '/2'))
  const lengths: (string | undefined)[] = []
  for (let i = 0; i < 3; i++) lengths.push(fieldValue((await client.response()).fields, 'content-length'))
  t.same(lengths, ['2', '0', '2'], 'RFC 9112, 9.3.2')
  await stage.backend.stop()
  client.send(last('OPTIONS', '*'))
  t.equal(statusOf(await client.response()), 200, 'RFC 9110, 7.6.2')
})

test('TRACE that may go no further is not sent back', async (t) => {
  const stage = await openStage(t)
  const { response } = await stage.ask(last('TRACE', '/p', 'Cookie: secret=1'))
  t.equal(statusOf(response), 405, 'RFC 9110, 9.3.8')
  t.equal(JSON.parse(`${response.body}`).code, 'LB_NO_TRACE')
  const others = PASSED_ON.filter((method) => method !== 'TRACE')
  t.same(listed(fieldValue(response.fields, 'allow')!), others, 'RFC 9110, 15.5.6')
  t.notMatch(`${response.body}`, /secret/)
  t.equal((await stage.balancer.stats()).requests.rejected.badRequest, 1)
})

test('the pages of the balancer are no hop', async (t) => {
  const stage = await openStage(t)
  const { response } = await stage.ask(last('OPTIONS', '/__lb/live'))
  const plain = await stage.ask(request('OPTIONS', '/__lb/live'))
  t.equal(statusOf(response), statusOf(plain.response))
})

testRefusals(
  'TRACE that may go no further',
  refused(
    'RFC 9110, 9.3.8',
    { 'a TRACE': last('TRACE', '/'), 'a TRACE of zeros': request('TRACE', '/', 'Max-Forwards: 00') },
    [405]
  )
)

testRefusals(
  'a bound that cannot be heeded is refused',
  ['OPTIONS', 'TRACE'].flatMap((method) =>
    refused(
      'RFC 9110, 7.6.2',
      Object.fromEntries(
        [
          '',
          '-1',
          '+1',
          '-0',
          '+0',
          '1.0',
          '0x1',
          '1e1',
          '1 0',
          '1, 1',
          '0,0',
          ',1',
          '1,',
          'x',
          '1x',
          '"1"',
          '\xb2'
        ].map((value) => [
          `${method}, Max-Forwards: ${value}`,
          request(method, '/', `Max-Forwards: ${value}`)
        ])
      )
    ).concat(
      refused('RFC 9110, 5.3', {
        [`${method}, twice the same`]: request(method, '/', 'Max-Forwards: 1', 'Max-Forwards: 1'),
        [`${method}, 5 and 0`]: request(method, '/', 'Max-Forwards: 5', 'max-forwards: 0'),
        [`${method}, 0 and 5`]: request(method, '/', 'Max-Forwards: 0', 'Max-Forwards: 5')
      })
    )
  )
)

testRefusals(
  'a request that may go no further is checked like any',
  refused('RFC 9112, 3.2', {
    'two hosts': last('OPTIONS', '*', 'Host: x'),
    'a fragment': last('OPTIONS', '/#f'),
    'TRACE of *': last('TRACE', '*')
  })
)
