import type { Socket } from 'node:net'
import { eventually, inFlight, test } from '../helper.js'
import { makeAnswer } from '../support/answer.js'
import { LEAVINGS, leaveable, numbered, numbers, REQUESTS } from '../support/leaving.js'
import { pour, stalled } from '../support/pour.js'

for (const [kind, [head, rest]] of Object.entries(REQUESTS)) {
  for (const [how, leave] of Object.entries(LEAVINGS)) {
    test(`a client leaves at any byte of its ${kind}, by ${how}`, async (t) => {
      const { balancer, arrived, send, checkFreed } = await leaveable(t)
      const bytes = head + rest
      for (const isHasty of [false, true]) {
        arrived.clear()
        const clients = numbers(bytes.length + 1).map(async (offset) => {
          const socket = await send(numbered(bytes, offset).slice(0, offset))
          if (isHasty) leave(socket)
          return socket
        })
        const sockets = await Promise.all(clients)
        if (!isHasty) {
          const whole = numbers(bytes.length + 1).slice(head.length)
          await eventually(() => arrived.size >= whole.length).catch(() => {})
          t.same(
            [...arrived.keys()].sort((a, b) => a - b),
            whole,
            'heads that came whole have arrived'
          )
          t.same(inFlight(balancer), [whole.length, whole.length])
          for (const socket of sockets) leave(socket)
        }
        await checkFreed(isHasty ? 'at once' : 'after a while')
      }
    })
  }
}

for (const framing of ['length', 'chunked', 'close'] as const) {
  for (const [how, leave] of Object.entries(LEAVINGS)) {
    test(`a client leaves at any byte of a response (${framing}), by ${how}`, async (t) => {
      const { bytes } = makeAnswer({ id: 'a', framing, size: 60, chunks: [7], interims: 1, trailerCount: 1 })
      const headAt = bytes.indexOf('HTTP/1.1 200')
      const bodyAt = bytes.indexOf('\r\n\r\n', headAt) + 4
      const { balancer, arrived, send, checkFreed } = await leaveable(
        t,
        (i, socket) => void socket.write(bytes.subarray(0, i))
      )
      const offsets = numbers(bytes.length + 1)
      const sockets = await Promise.all(offsets.map((i) => send(numbered(REQUESTS.GET[0], i))))
      const received = sockets.map((socket) => {
        let text = ''
        socket.on('data', (more) => {
          text += more.toString('latin1')
        })
        return () => text
      })
      await eventually(() => arrived.size === offsets.length)
      const isBegun = () => received.slice(bodyAt).every((text) => text().includes('HTTP/1.1 200 a\r\n'))
      await eventually(isBegun).catch(() => {})
      t.ok(isBegun(), 'heads that came whole were passed on')
      t.notOk(received.slice(0, bodyAt).some((text) => text().includes('HTTP/1.1 200')))
      for (const socket of sockets) leave(socket)
      const done = framing === 'close' ? [] : [bytes.length]
      await checkFreed(framing, done)
      t.equal(balancer.stats().latency.count, done.length, 'what was not finished has no latency')
    })
  }
}

const PIECE = Buffer.alloc(50_000, 'much')
const PIECES = 600
const pourMuch = (socket: Socket) => pour(socket, PIECE, PIECES)

/** Much is on its way, and nobody takes it: a request, what the backend does then, and what the client does. */
const STALLED: Record<
  string,
  [request: string, serve: (socket: Socket) => void, go: (socket: Socket) => void]
> = {
  'a response that it does not read': [
    REQUESTS.GET[0],
    (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${PIECE.length * PIECES}\r\n\r\n`)
      pourMuch(socket)
    },
    (socket) => socket.pause()
  ],
  'what it does not read of a tunnel': [REQUESTS.upgrade[0], pourMuch, (socket) => socket.pause()]
}

for (const [what, [request, serve, go]] of Object.entries(STALLED)) {
  for (const how of ['FIN', 'RST'] as const) {
    test(`a client leaves amid ${what}, by ${how}`, async (t) => {
      const { balancer, arrived, send, checkFreed } = await leaveable(t, (_i, socket) => serve(socket))
      const client = await send(request)
      await eventually(() => arrived.size === 1)
      go(client)
      const [backend] = arrived.values()
      const taken = await stalled([client, backend!])
      t.ok(taken < PIECE.length * PIECES, `${taken} bytes were taken`)
      t.same(inFlight(balancer), [1, 1])
      if (how === 'FIN') client.destroy()
      else client.resetAndDestroy()
      await eventually(() => inFlight(balancer).every((count) => count === 0)).catch(() => {})
      t.same(inFlight(balancer), [0, 0], 'every slot is free')
      // It has to read to notice.
      backend!.resume()
      await checkFreed(what)
    })
  }
}

/** Node does not look at a client that is held back: its leaving shows when the time of the exchange is over. */
for (const [what, request] of [
  ['an upload', REQUESTS['POST of a length'][0].replace('20', `${PIECE.length * PIECES}`)],
  ['a tunnel', REQUESTS.upgrade[0]]
] as const) {
  for (const leave of ['destroy', 'resetAndDestroy'] as const) {
    test(`a client leaves amid ${what} that the backend does not read (${leave})`, async (t) => {
      const times = { LB_RESPONSE_TIMEOUT: '1', LB_TUNNEL_TIMEOUT: '1' }
      const { balancer, arrived, send } = await leaveable(t, (_i, socket) => socket.pause(), times)
      const client = await send(request)
      await eventually(() => arrived.size === 1)
      pourMuch(client)
      await stalled([client, arrived.get(0)!])
      client[leave]()
      await t.resolves(eventually(() => inFlight(balancer).join() === '0,0'))
    })
  }
}
