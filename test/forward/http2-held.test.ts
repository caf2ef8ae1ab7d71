import { eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { FrameClient } from '../support/frame-client.js'
import { heldMemory, heldSince } from '../support/garbage.js'
import { data, get, headers, request, Type } from '../support/http2-frames.js'
import { OK, scripted } from '../support/raw-backend.js'
import { forHttp2 } from '../support/secure-ports.js'

// What a client can have the balancer hold

const UPLOADS = 128
const FRAME = Buffer.alloc(4000, 'x')
/** For each, no more than the window of its stream. */
const FRAMES = 16
/** What a request takes before it holds back. */
const BUFFER_BYTES = 4096
/** The window of the connection, once its first frames have come. */
const WINDOW_BYTES = 2 ** 20
/** That, and what its streams may hold back before it is no more opened. */
const CONNECTION_BYTES = 4 * 2 ** 20
const LIMIT = UPLOADS * (BUFFER_BYTES + FRAME.length) + CONNECTION_BYTES
const PATIENCE_MS = 12_000

/** Sends uploads, a frame of each in turn, as far as the window of the connection allows. Returns how many it has sent. */
function upload(client: FrameClient): () => number {
  let sent = 0
  let window = WINDOW_BYTES
  const sendOn = () => {
    for (; sent < UPLOADS * FRAMES && window >= FRAME.length; sent++) {
      window -= FRAME.length
      client.send(data(2 * (sent % UPLOADS) + 1, FRAME, sent >= UPLOADS * (FRAMES - 1)))
    }
  }
  client.onFrame = ({ type, id, payload }) => {
    if (type !== Type.window || id !== 0) return
    window += payload.readUInt32BE(0)
    sendOn()
  }
  for (let i = 0; i < UPLOADS; i++) client.send(headers(2 * i + 1, request('POST', '/'), { open: true }))
  sendOn()
  return () => sent
}

test('of uploads that wait no more is taken than a connection may hold, and it goes on after them', async (t) => {
  let end = () => {}
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/held')) end = () => socket.write(OK)
    else socket.write(OK)
  })
  const env = { ...forHttp2(), LB_QUEUE_TIMEOUT: '3', LB_BUFFER_SIZE: `${BUFFER_BYTES}` }
  const balancer = await startBalancer(t, `${backend.address};max=1`, env)
  const first = await FrameClient.open(t, balancer.port)
  first.send(headers(1, get('/held')))
  await eventually(() => backend.requests.length === 1)

  const before = await heldMemory()
  const client = await FrameClient.open(t, balancer.port)
  await eventually(() => client.counts[Type.window]! > 0)
  const sent = upload(client)
  await eventually(async () => {
    const soFar = sent()
    await sleep(300)
    return balancer.stats().requests.queued === UPLOADS && sent() === soFar
  }, PATIENCE_MS)
  const taken = sent() * FRAME.length
  t.ok(taken <= LIMIT, `${taken} bytes were taken`)
  const held = await heldSince(before, LIMIT + CONNECTION_BYTES)
  t.ok(held < LIMIT + CONNECTION_BYTES, `${held} bytes are held`)

  // Those that wait too long make room for the others.
  end()
  const ends = Array.from({ length: UPLOADS }, (_, i) => client.over(2 * i + 1, PATIENCE_MS))
  for (const { status } of await Promise.all(ends)) t.ok(status === 200 || status === 503, `${status}`)
  await t.resolves(eventually(() => inFlight(balancer).every((count) => count === 0)))
  await t.resolves(
    eventually(() => sent() === UPLOADS * FRAMES),
    'the window is open again'
  )
})
