import { connect } from 'node:net'
import { test } from '../helper.js'
import { OK } from '../support/raw-backend.js'
import { openStage } from './harness.js'
import { idOf, idsIn, inLanes, MESSAGES, Mutator, SEED, sendParts } from './mutations.js'

const LANES = 24
/** Time for an answer; a request that is not whole has none. */
const PATIENCE_MS = 60

/** Right requests, which tell of their id in their target. */
const TEMPLATES: readonly ((id: string) => string)[] = [
  (id) => `GET /${id} HTTP/1.1\r\nHost: x\r\nX-Id: ${id}\r\n\r\n`,
  (id) => `GET http://x/${id}?q HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nCookie: a=b\r\n\r\n`,
  (id) =>
    `POST /${id} HTTP/1.1\r\nHost: x\r\nContent-Length: ${11 + id.length}\r\nX: y\r\n\r\nhello world${id}`,
  (id) =>
    `POST /${id} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX: ${id}\r\n\r\n`,
  (id) => `PUT /${id} HTTP/1.1\r\nHost: x\r\nConnection: close, X\r\nX: y\r\nContent-Length: 0\r\n\r\n`,
  (id) => `GET /${id} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
  (id) => `GET /${id} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  (id) => `POST /${id} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
  (id) => `OPTIONS /${id} HTTP/1.1\r\nHost: x\r\nVia: 1.1 y\r\nTE: trailers\r\n\r\n`
]

/** How often a target has the id: damage may have made two requests of one. */
const requestLines = (text: string, id: string) =>
  text.split(id).filter((before, i, all) => i < all.length - 1 && /[A-Z] +[^ \r\n]*$/.test(before)).length

/** Sends the parts over a connection of its own, and waits for a bit. */
function send(port: number, parts: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const leave = () => void socket.destroy()
    const timer = setTimeout(leave, PATIENCE_MS)
    socket.on('error', () => {})
    socket.on('data', () => timer.refresh())
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
    void sendParts((bytes) => void (socket.writable && socket.write(bytes)), parts)
  })
}

test(`whatever clients send, backends get requests (${MESSAGES} messages, seed ${SEED})`, async (t) => {
  const stage = await openStage(t)
  const sent = new Map<string, string>()
  const arrivals = new Map<string, number>()
  stage.act = (request, socket) => {
    const { startLine, fields, body, trailers } = request
    const [id, ...others] = new Set(idsIn(JSON.stringify([startLine, fields, `${body}`, trailers])))
    if (others.length > 0) stage.faults.push(`${id} with parts of ${others}`)
    if (id && startLine.includes(id)) {
      const arrived = (arrivals.get(id) ?? 0) + 1
      arrivals.set(id, arrived)
      if (arrived > requestLines(sent.get(id)!, id)) {
        stage.faults.push(`more than once: ${JSON.stringify(sent.get(id))}`)
      }
    }
    socket.write(OK)
  }
  await inLanes(LANES, MESSAGES, async (i) => {
    const mutator = new Mutator(i)
    const text = mutator.mutate(mutator.pick(TEMPLATES)(idOf(i)))
    sent.set(idOf(i), text)
    await send(stage.balancer.port, mutator.split(text))
    if (stage.faults.length === 0) return true
    t.comment(`seed ${SEED}, among the last ${LANES} messages: ${i} ${JSON.stringify(text)}`)
    return false
  })
  await stage.settle()
  t.same(stage.faults, [], `seed ${SEED}`)
  t.ok(arrivals.size > MESSAGES / 20, `${arrivals.size} arrived, some as they were sent`)
  t.ok(arrivals.size < MESSAGES, 'and some did not')
  t.ok(await stage.isWell())
})
