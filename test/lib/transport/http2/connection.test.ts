import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import type { Test } from 'tap'
import { RetryBuffer } from '../../../../lib/transport/retry-buffer.js'
import { blockOf, type FrameBackend, framed, onRequest, type Peer } from '../../../support/frame-backend.js'
import { connectionsTo } from '../../../support/http2-connections.js'
import { Flag, frame, Type, uint32 } from '../../../support/http2-frames.js'
import { serving } from '../../../support/raw-backend.js'
import { allEnded, answered, ask, askFor, Ending, requestOf } from '../../../support/stack.js'
import { eventually, test } from '../../../support/test.js'

const WINDOW_BYTES = 262_144

/** A backend and a request to it, on its first stream, that waits for its response. */
async function asked(t: Test, greet?: (peer: Peer) => void) {
  const backend = await framed(t, () => {}, greet)
  const connections = connectionsTo(t, backend)
  const ending = ask(connections)
  await eventually(() => backend.peers[0]?.requests.length === 1)
  return { backend, connections, ending, peer: backend.peers[0]! }
}

const ofType = ({ peers }: FrameBackend, type: number) =>
  peers.flatMap(({ frames }) => frames.filter((frame) => frame.type === type))

/** Resolves when all that was sent to the balancer has been read. */
async function heard(backend: FrameBackend, peer: Peer): Promise<void> {
  const before = ofType(backend, Type.ping).length
  peer.send(Type.ping, 0, 0, 'heard it')
  await eventually(() => ofType(backend, Type.ping).length > before)
}

const told = (ending: Ending) => ending.told.map(([part, text]) => [part, text])

test('a response is passed on part by part, with interim responses and trailers', async (t) => {
  const { ending, peer } = await asked(t)
  peer.head(1, [':status', '103', 'link', '</x>'])
  peer.head(1, [':status', '200', 'x', 'y'])
  peer.data(1, 'hello')
  peer.send(Type.data, Flag.padded, 1, '\x03there...')
  peer.head(1, ['grpc-status', '0'], true)
  await eventually(allEnded([ending]))
  t.same(ending.told, [
    ['interim', 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n'],
    ['head', 'HTTP/1.1 200 OK\r\nx: y\r\n'],
    ['data', 'hellothere'],
    ['end', 'grpc-status', '0']
  ])
  t.same([ending.sent, ending.completed, ending.errors], [1, 1, []])
})

test('a head that ends its stream is a complete response', async (t) => {
  const { ending, peer } = await asked(t)
  peer.head(1, [':status', '200', 'grpc-status', '12'], true)
  await eventually(allEnded([ending]))
  t.same(told(ending), [
    ['head', 'HTTP/1.1 200 OK\r\ngrpc-status: 12\r\n'],
    ['end', undefined]
  ])
})

test('a head may come in many frames, and with a priority', async (t) => {
  const { ending, peer } = await asked(t)
  const fields = blockOf(':status', '200', 'x', 'y'.repeat(300))
  peer.send(Type.headers, Flag.endStream | 0x20, 1, Buffer.concat([Buffer.alloc(5), fields.subarray(0, 3)]))
  for (let at = 3; at < fields.length; at += 50) {
    const isLast = at + 50 >= fields.length
    peer.send(Type.continuation, isLast ? Flag.endHeaders : 0, 1, fields.subarray(at, at + 50))
  }
  await eventually(allEnded([ending]))
  t.match(told(ending)[0], ['head', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(300)}\r\n`])
})

test('responses to many requests come in any order, over one connection', async (t) => {
  const backend = await framed(t, () => {})
  const connections = connectionsTo(t, backend)
  const endings = askFor(connections, 10)
  await eventually(() => ofType(backend, Type.headers).length === 10)
  const [peer] = backend.peers
  for (let id = 19; id > 0; id -= 2) peer!.head(id)
  for (let id = 1; id < 20; id += 2) peer!.data(id, `to ${id}`, true)
  await eventually(allEnded(endings))
  t.same(
    endings.map(({ body }) => body),
    Array.from({ length: 10 }, (_, i) => `to ${2 * i + 1}`)
  )
  t.equal(backend.connections, 1)
})

for (const [what, act] of [
  [
    'a length that the body falls short of',
    (peer) => {
      peer.head(1, [':status', '200', 'content-length', '6'])
      peer.data(1, 'hello', true)
    }
  ],
  [
    'a length that the body goes beyond',
    (peer) => {
      peer.head(1, [':status', '200', 'content-length', '4'])
      peer.data(1, 'hello', true)
    }
  ],
  ['data before a head', (peer) => peer.data(1, 'hello', true)],
  [
    'a body of what has none',
    (peer) => {
      peer.head(1, [':status', '204'])
      peer.data(1, 'hello', true)
    }
  ],
  ['no final status', (peer) => peer.head(1, [':status', '103'], true)],
  [
    'a second head',
    (peer) => {
      peer.head(1)
      peer.head(1)
    }
  ],
  ['a field of a connection', (peer) => peer.head(1, [':status', '200', 'connection', 'close'], true)],
  ['a control character in a field', (peer) => peer.head(1, [':status', '200', 'x', 'a\x01b'], true)],
  ['a head that is too large', (peer) => peer.head(1, [':status', '200', ...Array(6000).fill('x')], true)],
  [
    'trailers that are none',
    (peer) => {
      peer.head(1)
      peer.head(1, ['X', 'y'], true)
    }
  ],
  [
    'more data than its window',
    (peer) => {
      peer.head(1)
      for (let sent = 0; sent <= WINDOW_BYTES; sent += 16_384) peer.data(1, Buffer.alloc(16_384))
    }
  ]
] as [string, (peer: Peer) => void][]) {
  test(`${what} breaks one response, and leaves the others alone`, async (t) => {
    const { backend, connections, ending, peer } = await asked(t)
    const other = ask(connections)
    ending.onCall = () => ending.connection!.pause()
    act(peer)
    await eventually(() => ending.errors.length > 0)
    t.match(ending, { completed: 0, errors: [{ code: 'LB_BROKEN_RESPONSE' }] })
    await eventually(() => peer.requests.length === 2)
    peer.answer(3)
    await eventually(allEnded([other]))
    t.equal(other.body, 'ok')
    const third = ask(connections)
    await eventually(() => peer.requests.length === 3)
    peer.answer(5)
    await eventually(allEnded([third]))
    t.same([ending.count, backend.connections], [1, 1])
  })
}

for (const [what, bytes] of [
  ['a frame that is too long', Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 1])],
  ['a push', frame(5, Flag.endHeaders, 1, uint32(2))],
  ['a stream that nobody has opened', frame(Type.data, 0, 99, 'x')],
  ['a stream of its own', frame(Type.headers, Flag.endHeaders, 2, blockOf(':status', '200'))],
  ['a head without a stream', frame(Type.headers, Flag.endHeaders, 0, blockOf(':status', '200'))],
  ['fields that cannot be decoded', frame(Type.headers, Flag.endHeaders, 1, Buffer.from([0x80]))],
  [
    'a frame amid a head',
    Buffer.concat([frame(Type.headers, 0, 1, blockOf(':status', '200')), frame(Type.ping, 0, 0, '12345678')])
  ],
  ['the rest of no head', frame(Type.continuation, Flag.endHeaders, 1, blockOf(':status', '200'))],
  [
    'a head without end',
    Buffer.concat([
      frame(Type.headers, 0, 1, Buffer.alloc(16_000)),
      ...Array(4).fill(frame(Type.continuation, 0, 1, Buffer.alloc(16_000)))
    ])
  ],
  [
    'a head of empty frames',
    Buffer.concat([frame(Type.headers, 0, 1), ...Array(300).fill(frame(Type.continuation, 0, 1))])
  ],
  ['no widening of a window', frame(Type.window, 0, 0, uint32(0))],
  ['a window that is too wide', frame(Type.window, 0, 0, uint32(0x7fff_ffff))],
  ['settings that are cut off', frame(Type.settings, 0, 0, 'x')],
  [
    'a window that settings make too wide',
    frame(Type.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(0x8000_0000)]))
  ],
  [
    'frames that settings make too short',
    frame(Type.settings, 0, 0, Buffer.concat([Buffer.from([0, 5]), uint32(16_383)]))
  ],
  [
    'settings that say that it takes pushes',
    frame(Type.settings, 0, 0, Buffer.concat([Buffer.from([0, 2]), uint32(1)]))
  ],
  ['a Type.ping of the wrong length', frame(Type.ping, 0, 0, 'x')],
  ['a reset of the wrong length', frame(Type.reset, 0, 1, 'x')],
  ['a Type.goaway of the wrong length', frame(Type.goaway, 0, 0, 'x')],
  ['settings of a stream', frame(Type.settings, 0, 1)]
] as const) {
  test(`${what} ends the connection, which is told why`, async (t) => {
    const { backend, connections, ending, peer } = await asked(t)
    peer.socket.write(bytes)
    await eventually(() => ending.errors.length > 0)
    t.match(ending.errors, [{ code: 'LB_BROKEN_RESPONSE' }])
    await eventually(() => peer.socket.destroyed)
    const [goAway] = ofType(backend, Type.goaway)
    t.ok(goAway!.payload.readUInt32BE(4) > 0)
    const next = ask(connections)
    await eventually(() => backend.peers[1]?.requests.length === 1)
    backend.peers[1]!.answer(1)
    await eventually(allEnded([next]))
    t.equal(next.body, 'ok')
  })
}

test('an error of our own code is reported, and one of the backend is not', async (t) => {
  for (const method of ['onHead', 'onData', 'onEnd'] as const) {
    const backend = await framed(
      t,
      onRequest((id, peer) => peer.answer(id))
    )
    const reported: unknown[] = []
    const connections = connectionsTo(t, backend, { onInternalError: (error) => reported.push(error) })
    const bug = new TypeError(`a bug in ${method}`)
    const ending = new Ending()
    ending[method] = () => {
      throw bug
    }
    connections.dispatch(requestOf() as never, ending as never)
    await eventually(() => reported.length > 0)
    t.same(reported, [bug], method)
    t.equal((await answered(connections)).completed, 1, 'the next one goes on a connection of its own')
    t.equal(backend.connections, 2)
    backend.peers[1]!.send(Type.data, 0, 0)
    await eventually(() => ofType(backend, Type.goaway).length > 0)
    t.same(reported, [bug])
  }
})

test('streams other than that of an invalid frame fail with a lost connection', async (t) => {
  const { connections, ending, peer } = await asked(t)
  const other = ask(connections)
  await eventually(() => peer.requests.length === 2)
  peer.send(Type.headers, Flag.endHeaders, 1, Buffer.from([0x80]))
  await eventually(allEnded([ending, other]))
  t.match(
    [...ending.errors, ...other.errors],
    [{ code: 'LB_BROKEN_RESPONSE' }, { code: 'LB_CONNECTION_CLOSED' }]
  )
})

test('unknown frames and frames of closed streams are ignored', async (t) => {
  const { connections, ending, peer } = await asked(t)
  peer.answer(1)
  await eventually(allEnded([ending]))
  peer.send(0xaa, 0xff, 0, 'what is this')
  peer.send(2, 0, 1, Buffer.alloc(5))
  peer.data(1, 'more', true)
  peer.head(1, ['x', 'y'], true)
  peer.reset(1, 0)
  peer.send(Type.window, 0, 1, uint32(1))
  const next = ask(connections)
  await eventually(() => peer.requests.length === 2)
  peer.answer(3)
  await eventually(allEnded([next]))
  t.same([ending.count, next.body], [1, 'ok'])
})

test('a PING is answered, and a backend that floods with them without reading is disconnected', async (t) => {
  const { backend, ending, peer } = await asked(t)
  peer.send(Type.ping, 0, 0, '12345678')
  await eventually(() => ofType(backend, Type.ping).length === 1)
  t.match(ofType(backend, Type.ping), [{ flags: Flag.ack, payload: Buffer.from('12345678') }])
  peer.socket.pause()
  const flood = Buffer.concat(Array(10_000).fill(frame(Type.ping, 0, 0, '12345678')))
  const pour = setInterval(() => peer.socket.write(flood), 1)
  await eventually(() => ending.errors.length > 0, 10_000).finally(() => clearInterval(pour))
  t.match(ending.errors, [{ message: 'flood' }])
})

test('a cancelled request resets its stream alone', async (t) => {
  const { backend, connections, ending, peer } = await asked(t)
  const other = ask(connections)
  ending.connection!.destroy()
  await eventually(() => ofType(backend, Type.reset).length === 1)
  t.match(ofType(backend, Type.reset), [{ id: 1, payload: uint32(8) }])
  peer.answer(1)
  await eventually(() => peer.requests.length === 2)
  peer.answer(3)
  await eventually(allEnded([other]))
  t.same([ending.count, ending.calls, other.body], [0, 0, 'ok'])
})

for (const [code, wanted] of [
  [0, { code: 'LB_STREAM_RESET', message: 'NO_ERROR' }],
  [2, { code: 'LB_STREAM_RESET', message: 'INTERNAL_ERROR' }],
  [7, { code: 'LB_REQUEST_REFUSED' }],
  [77, { code: 'LB_STREAM_RESET', message: 'error 77' }]
] as const) {
  test(`a request that the backend gives up by ${code} ends with that`, async (t) => {
    const { backend, ending, peer } = await asked(t)
    peer.reset(1, code)
    await eventually(allEnded([ending]))
    t.match(ending, { completed: 0, errors: [wanted] })
    t.same(ofType(backend, Type.reset), [], 'which needs no answer')
  })
}

test('refused is only what has not been answered', async (t) => {
  const { ending, peer } = await asked(t)
  peer.head(1)
  peer.reset(1, 7)
  await eventually(allEnded([ending]))
  t.match(ending.errors, [{ code: 'LB_STREAM_RESET' }])
})

test('after GOAWAY the processed requests are answered, and the others refused', async (t) => {
  const backend = await framed(t, () => {})
  const connections = connectionsTo(t, backend)
  const endings = askFor(connections, 3)
  await eventually(() => ofType(backend, Type.headers).length === 3)
  const [peer] = backend.peers
  peer!.goAway(0x7fff_ffff)
  await heard(backend, peer!)
  const next = ask(connections)
  await eventually(() => backend.peers[1]?.requests.length === 1)
  peer!.goAway(3)
  await eventually(() => endings[2]!.errors.length > 0)
  t.match(endings[2]!.errors, [{ code: 'LB_REQUEST_REFUSED' }])
  t.notOk(peer!.socket.destroyed)
  peer!.answer(3)
  peer!.answer(1)
  await eventually(() => peer!.socket.destroyed)
  t.same(
    endings.map(({ body }) => body),
    ['ok', 'ok', undefined]
  )
  backend.peers[1]!.answer(1)
  await eventually(allEnded([next]))
})

test('a connection that ends takes its requests with it', async (t) => {
  for (const end of [
    (peer: Peer) => void peer.socket.end(),
    (peer: Peer) => void peer.socket.resetAndDestroy()
  ]) {
    const { ending, connections, peer } = await asked(t)
    const other = ask(connections)
    await eventually(() => peer.requests.length === 2)
    peer.head(1)
    peer.data(1, 'half')
    await eventually(() => ending.body === 'half')
    end(peer)
    await eventually(allEnded([ending, other]))
    for (const { completed, errors } of [ending, other]) {
      t.equal(completed, 0)
      t.match(errors, [{ code: /^(LB_CONNECTION_CLOSED|ECONNRESET)$/ }])
    }
  }
})

/** An upload that has begun, of which so much is kept. */
async function uploading(t: Test, greet?: (peer: Peer) => void) {
  const backend = await framed(t, () => {}, greet)
  const connections = connectionsTo(t, backend)
  const stream = new PassThrough()
  const body = Object.assign(stream, { headers: {}, rawTrailers: [] }) as unknown as IncomingMessage
  const retryBuffer = new RetryBuffer(1000)
  const ending = ask(connections, { method: 'POST', body, retryBuffer })
  stream.write('hello')
  await eventually(() => ofType(backend, Type.data).length === 1)
  return { backend, ending, retryBuffer, stream, peer: backend.peers[0]! }
}

test('a complete response during an upload ends that, and resets the stream', async (t) => {
  const { backend, ending, stream, peer } = await uploading(t)
  peer.answer(1)
  await eventually(allEnded([ending]))
  await eventually(() => ofType(backend, Type.reset).length === 1)
  t.match(ofType(backend, Type.reset), [{ id: 1, payload: uint32(8) }])
  t.same([ending.completed, ending.sent], [1, 0])
  stream.write('more')
  await heard(backend, peer)
  t.equal(ofType(backend, Type.data).length, 1)
})

test('what was not written before its connection was lost may be sent again, whatever it is', async (t) => {
  const { connections, ending, peer, backend } = await asked(t)
  const unwritten = ask(connections, { method: 'POST' })
  await connections.destroy(new Error('lost'))
  t.match(unwritten.errors, [{ code: 'LB_REQUEST_REFUSED', ofAll: false }])
  t.match(ending.errors, [{ message: 'lost' }])
  await eventually(() => peer.socket.destroyed)
  t.equal(backend.peers[0]!.requests.length, 1)
})

test('what was sent of a body is buffered until the response begins', async (t) => {
  const { ending, retryBuffer, peer } = await uploading(t)
  t.equal(`${retryBuffer.chunks}`, 'hello')
  peer.head(1, [':status', '103'])
  await eventually(() => ending.calls === 1)
  t.ok(retryBuffer.isComplete)
  peer.head(1)
  await eventually(() => ending.calls === 2)
  t.same([retryBuffer.isComplete, retryBuffer.chunks], [false, []])
})

test('a body is bounded by the windows of its stream and of the connection', async (t) => {
  const { backend, peer, stream } = await uploading(t, (peer) => peer.settings([4, 3]))
  const sent = () => ofType(backend, Type.data).map(({ payload }) => payload.toString())
  await eventually(() => sent().join() === 'hel')
  peer.send(Type.window, 0, 1, uint32(1))
  await eventually(() => sent().join() === 'hel,l')
  peer.settings([4, 4])
  await eventually(() => sent().join() === 'hel,l,o')
  t.ok(stream.write(Buffer.alloc(10)))
  peer.settings([4, 1_000_000])
  await eventually(() => sent().join('').length === 15)
  stream.end(Buffer.alloc(100_000))
  // Of the window of the connection, which nobody has widened.
  await eventually(() => sent().join('').length === 65_535)
  t.ok(sent().every((part) => part.length <= 16_384))
  peer.send(Type.window, 0, 0, uint32(1_000_000))
  await eventually(() => sent().join('').length === 100_015)
  await eventually(() => (ofType(backend, Type.data).at(-1)!.flags & Flag.endStream) !== 0)
})

test('the window of a stream grows only as data is consumed, and delays no other stream', async (t) => {
  const { backend, connections, ending, peer } = await asked(t)
  const other = ask(connections)
  ending.onReadEnd = () => ending.connection!.pause()
  await eventually(() => peer.requests.length === 2)
  peer.head(1)
  for (let sent = 0; sent < WINDOW_BYTES; sent += 16_384) peer.data(1, Buffer.alloc(16_384))
  await eventually(() => ending.bytes === WINDOW_BYTES)
  peer.head(3)
  for (let sent = 0; sent < 1_000_000; sent += 10_000) {
    peer.data(3, Buffer.alloc(10_000))
    await eventually(() => other.bytes === sent + 10_000)
  }
  peer.data(3, '', true)
  await eventually(allEnded([other]))
  const widened = () => ofType(backend, Type.window).filter(({ id }) => id === 1)
  t.same(widened(), [])
  ending.connection!.resume()
  await eventually(() => widened().length === 1)
  t.equal(widened()[0]!.payload.readUInt32BE(0), WINDOW_BYTES)
  peer.data(1, 'x', true)
  await eventually(allEnded([ending]))
})

test('the window of the connection stays open, whatever streams do not consume', async (t) => {
  const { backend, ending, peer } = await asked(t)
  peer.head(1)
  const piece = Buffer.alloc(16_384)
  for (let i = 0; i < 1500; i++) {
    peer.data(1, piece)
    if (i % 4 === 3) await eventually(() => ending.bytes === (i + 1) * piece.length)
  }
  peer.data(1, '', true)
  await eventually(allEnded([ending]))
  t.equal(ending.bytes, 1500 * 16_384)
  t.ok(ofType(backend, Type.window).filter(({ id }) => id === 0).length >= 3, 'the first one too')
})

test('a connection without SETTINGS carries no request', async (t) => {
  let received = ''
  const backend = await serving(t, (socket) => {
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1')
    })
  })
  const ending = await answered(connectionsTo(t, backend, { connectTimeoutMs: 100 }))
  t.match(ending, { connection: undefined, errors: [{ code: 'LB_SETTINGS_TIMEOUT' }] })
  t.match(received, /^PRI/)
  t.notMatch(received, 'a.test')
})

for (const [what, greeting] of [
  ['HTTP/1.1', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
  ['SMTP', '220 mail.example.com ESMTP\r\n'],
  ['another frame first', frame(Type.ping, 0, 0, '12345678')],
  ['a confirmation of settings first', frame(Type.settings, Flag.ack, 0)]
] as const) {
  test(`a server that says ${what} does not speak HTTP/2`, async (t) => {
    const backend = await framed(
      t,
      () => {},
      ({ socket }) => void socket.write(greeting)
    )
    const ending = await answered(connectionsTo(t, backend))
    t.match(ending, { connection: undefined, errors: [{ code: 'LB_NOT_HTTP2' }] })
  })
}

test('a connection is reused if it has answered before', async (t) => {
  const { connections, ending, peer } = await asked(t)
  const second = ask(connections)
  await eventually(() => peer.requests.length === 2)
  t.same([ending.connection!.isReused, second.connection!.isReused], [false, false])
  peer.answer(1)
  await eventually(allEnded([ending]))
  t.equal(ask(connections).connection!.isReused, true)
})

test('a request cancelled in onSending is not sent', async (t) => {
  const backend = await framed(
    t,
    onRequest((id, peer) => peer.answer(id))
  )
  const connections = connectionsTo(t, backend)
  await answered(connections)
  const ending = ask(connections, {})
  await eventually(allEnded([ending]))
  const gone = new Ending()
  gone.onSending = (stream) => stream.destroy()
  connections.dispatch(requestOf() as never, gone as never)
  await answered(connections)
  t.same(
    ofType(backend, Type.headers).map(({ id }) => id),
    [1, 3, 5]
  )
  t.equal(gone.count + gone.sent, 0)
})
