import { METHODS } from 'node:http'
import { eventually, test } from '../helper.js'
import { OK } from '../support/raw-backend.js'
import { fieldValue, fieldValues, statusOf } from '../support/wire.js'
import { maxForwards } from './cases/max-forwards.js'
import { openStage, testCases } from './harness.js'
import { testRefusals } from './refusals.js'
import { refused } from './refused/case.js'

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
  t.match(stage.balancer.stats().requests, { failed: 0, rejected: { badRequest: 0 } })
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
  t.equal(stage.balancer.stats().requests.rejected.badRequest, 1)
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
