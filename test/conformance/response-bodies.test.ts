import { eventually, test } from '../helper.js'
import { responseBodies } from './cases/response-bodies.js'
import { openStage, testCases } from './harness.js'
import { answeredFields } from './own-fields.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

const TE = 'Transfer-Encoding: chunked\r\n'

const PARTS: readonly [name: string, parts: readonly string[]][] = [
  ['a length', ['Content-Length: 10\r\n\r\n', 'hello', 'world']],
  ['chunks', [`${TE}\r\n`, '5\r\nhello\r\n', '5\r\nworld\r\n0\r\n\r\n']],
  ['half a chunk', [`${TE}\r\n`, 'a\r\nhello', 'world\r\n0\r\n\r\n']],
  [
    'an event stream',
    [`Content-Type: text/event-stream\r\n${TE}\r\n`, '7\r\nhello\n\n\r\n', '5\r\nworld\r\n0\r\n\r\n']
  ]
]

for (const [name, cases] of Object.entries(responseBodies)) testCases(name, cases)

test('a body that ends with the connection is in chunks for the client', async (t) => {
  const stage = await openStage(t)
  const heads = ['HTTP/1.1 200 OK', 'HTTP/1.0 200 OK', 'HTTP/1.1 200 OK\r\nConnection: close']
  for (const head of heads) {
    const { response } = await stage.ask(GET, (_request, socket) =>
      socket.end(`${head}\r\nX: y\r\n\r\nhello`)
    )
    t.match([response.framing, `${response.body}`], ['chunked', 'hello'], `${head} (RFC 9112, 6.3)`)
    t.same(answeredFields(response), [['X', 'y']])
  }
  t.ok(await stage.isWell())
})

test('a part of a response does not wait for the next', async (t) => {
  const stage = await openStage(t)
  for (const [name, [head, first, rest]] of PARTS) {
    let send!: (bytes: string) => void
    stage.act = (_request, socket) => {
      send = (bytes) => void socket.write(bytes)
      send(`HTTP/1.1 200 OK\r\n${head}`)
    }
    const client = await stage.client()
    client.send(GET)
    await t.resolves(
      client.until((text) => text.includes('\r\n\r\n')),
      `head before body: ${name} (RFC 9112, 7.1)`
    )
    send(first!)
    await t.resolves(
      client.until((text) => text.includes('hello')),
      `first part before last: ${name} (RFC 9112, 7.1)`
    )
    t.notMatch(client.received.toString(), /world/)
    send(rest!)
    await eventually(() => client.received.includes('world'))
    t.match(`${(await client.response()).body}`, /^hello\s*world$/)
  }
  t.ok(await stage.isWell())
})
