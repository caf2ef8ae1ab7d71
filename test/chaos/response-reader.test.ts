import { test } from 'tap'

import { ResponseReader } from '../../chaos/load/response-reader.js'

const fixed = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Backend: 2\r\nx-target: /r/7\r\n\r\nhello'

/** Whether the reader says after each part that the response is complete. */
function read(reader: ResponseReader, ...parts: string[]): boolean[] {
  return parts.map((part) => reader.push(Buffer.from(part)))
}

test('a response with a length, and what its fields say', async (t) => {
  const reader = new ResponseReader()
  t.same(read(reader, fixed), [true])
  t.match(reader, { status: 200, backend: 2, target: '/r/7', keepsAlive: true })
})

test('wherever it is cut into parts', async (t) => {
  const chunked =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n'
  for (const whole of [fixed, chunked]) {
    for (let at = 1; at < whole.length; at++) {
      const reader = new ResponseReader()
      t.same(read(reader, whole.slice(0, at), whole.slice(at)), [false, true], `cut at ${at}`)
    }
    t.same(read(new ResponseReader(), ...whole).indexOf(true), whole.length - 1)
  }
})

test('one after another on the same connection, without remains of the last', async (t) => {
  const reader = new ResponseReader()
  read(reader, fixed)
  reader.reset()
  t.same(read(reader, 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'), [true])
  t.match(reader, { status: 503, backend: -1, target: '' })
})

test('interim responses are passed over, and some responses have no body', async (t) => {
  const reader = new ResponseReader()
  t.same(read(reader, 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'), [
    false,
    true
  ])
  t.equal(reader.status, 204)
})

test('the end of the connection completes only a body that has no other end', async (t) => {
  const untilClose = new ResponseReader()
  t.same(read(untilClose, 'HTTP/1.1 200 OK\r\n\r\n', 'some'), [false, false])
  t.ok(untilClose.end())
  t.notOk(untilClose.keepsAlive)
  for (const cut of ['', 'HTTP/1.1 200 OK\r\n', fixed.slice(0, -1)]) {
    const reader = new ResponseReader()
    if (cut) read(reader, cut)
    t.notOk(reader.end(), `cut after ${cut.length} bytes`)
  }
})

test('a connection is kept as HTTP/1.1 and 1.0 say', async (t) => {
  const keeps = (version: string, connection: string) => {
    const reader = new ResponseReader()
    read(reader, `HTTP/${version} 200 OK\r\n${connection}content-length: 0\r\n\r\n`)
    return reader.keepsAlive
  }
  t.same([keeps('1.1', ''), keeps('1.1', 'Connection: Close\r\n')], [true, false])
  t.same([keeps('1.0', ''), keeps('1.0', 'connection: keep-alive\r\n')], [false, true])
})

test('what is no response, no chunk, or more than one response, is refused', async (t) => {
  t.throws(() => read(new ResponseReader(), 'SSH-2.0-x\r\n\r\n'))
  t.throws(() => read(new ResponseReader(), 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n'))
  t.throws(() => read(new ResponseReader(), `${fixed}${fixed}`))
})
