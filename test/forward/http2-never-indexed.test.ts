import { FieldDecoder } from '../../lib/base/http2/hpack/field-decoder.js'
import { startBalancer, test } from '../helper.js'
import { blockOf, framed, onRequest } from '../support/frame-backend.js'
import { FrameClient } from '../support/frame-client.js'
import { block, Flag, frame, get, literal, request, Setting, Type } from '../support/http2-frames.js'

const AMPLE = 100_000

/** A field that no one on its way may index (RFC 7541 section 6.2.3). */
const guarded = (name: string, value: string) =>
  Buffer.concat([Buffer.from([0x10]), literal(name), literal(value)])

test('what one side forbids to index, the other is forbidden to index as well', async (t) => {
  const requests: Buffer[] = []
  const backend = await framed(t, (received, peer) => {
    if (received.type === Type.headers) requests.push(received.payload)
    onRequest((id) => {
      const early = Buffer.concat([blockOf(':status', '103', 'link', '<a>'), guarded('x-early', 'e')])
      const head = Buffer.concat([blockOf(':status', '200', 'x-plain', 'p'), guarded('x-token', 't')])
      peer.send(Type.headers, Flag.endHeaders, id, early)
      peer.send(Type.headers, Flag.endHeaders | Flag.endStream, id, head)
    })(received, peer)
  })
  const { port } = await startBalancer(t, `${backend.address};h2`, { LB_H2C: 'true' })
  const client = await FrameClient.open(t, port, { own: [[Setting.tableSize, 4096]], keepsFrames: true })
  const guard = guarded('x-key', 'k')
  // The second time, tables could have all of it; the last one has a body.
  for (const [id, fields] of [
    [1, get('/')],
    [3, get('/')],
    [5, request('POST', '/')]
  ] as const) {
    const flags = Flag.endHeaders | (id === 5 ? 0 : Flag.endStream)
    client.send(frame(Type.headers, flags, id, Buffer.concat([block([...fields, ['x-open', 'o']]), guard])))
    if (id === 5) client.send(frame(Type.data, Flag.endStream, id, 'body'))
    await client.over(id)
  }
  const atBackend = new FieldDecoder()
  for (const payload of requests) {
    const { fields, neverIndexed } = atBackend.decode(payload, AMPLE)
    t.same(neverIndexed, new Set(['x-key']))
    t.ok(fields.includes('x-open'))
  }
  t.equal(requests.length, 3)
  const atClient = new FieldDecoder()
  const responses = client.frames.filter(({ type }) => type === Type.headers)
  t.same(
    responses.map(({ payload }) => [...(atClient.decode(payload, AMPLE).neverIndexed ?? [])]),
    [1, 3, 5].flatMap(() => [['x-early'], ['x-token']])
  )
})

test('a backend with a smaller table gets no more than it can keep', async (t) => {
  const requests: Buffer[] = []
  const backend = await framed(
    t,
    (received, peer) => {
      if (received.type === Type.headers) requests.push(received.payload)
      onRequest((id) => peer.answer(id))(received, peer)
    },
    // The lowest counts, even if it is passed at once (RFC 7541 section 4.2).
    (peer) => peer.settings([Setting.tableSize, 0], [Setting.tableSize, 100])
  )
  const { port } = await startBalancer(t, `${backend.address};h2`, { LB_H2C: 'true' })
  const client = await FrameClient.open(t, port)
  for (const id of [1, 3]) {
    client.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block(get('/'))))
    t.equal((await client.over(id)).status, 200)
  }
  t.equal(requests[0]!.toString('hex', 0, 3), '203f45', 'both sizes are told first')
  const decoder = new FieldDecoder()
  for (const payload of requests) t.ok(decoder.decode(payload, AMPLE).fields.includes('x'))
})
