import { test } from '../helper.js'
import { fieldValues } from '../support/wire.js'
import { responses } from './cases/responses.js'
import { openStage, testCases } from './harness.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

for (const [name, cases] of Object.entries(responses)) testCases(name, cases)

test('a Date is there, once, and is the one of the backend if it has one', async (t) => {
  const stage = await openStage(t)
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
  const given = await stage.ask(GET, `HTTP/1.1 200 OK\r\ndate: ${date}\r\nContent-Length: 0\r\n\r\n`)
  t.same(fieldValues(given.response.fields, 'date'), [date], 'RFC 9110, 6.6.1')
  const added = await stage.ask(GET, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  const [now, ...more] = fieldValues(added.response.fields, 'date')
  t.ok(Math.abs(Date.parse(now!) - Date.now()) < 5000, 'RFC 9110, 6.6.1')
  t.same(more, [])
})

test('nothing is added to a response but what its connection needs', async (t) => {
  const stage = await openStage(t)
  const { response } = await stage.ask(GET, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  const names = response.fields.map(([name]) => name.toLowerCase()).sort()
  t.strictSame(
    names.filter((name) => !/^(connection|keep-alive)$/.test(name)),
    ['content-length', 'date']
  )
})
