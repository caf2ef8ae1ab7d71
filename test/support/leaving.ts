import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, inFlight, startBalancer } from '../helper.js'
import { BEFORE_IDLE_MS, serving } from './raw-backend.js'
import { reset } from './reset.js'

/** The ways in which a client disappears. */
export const LEAVINGS = {
  FIN: (socket: Socket) => void socket.end(),
  RST: (socket: Socket) => reset(socket)
}

/** Heads, and what follows them, of a client of which only the number in its target is of interest. */
export const REQUESTS = {
  GET: ['GET /0000 HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n', ''],
  'POST of a length': [
    'POST /0000 HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n',
    'twenty bytes of body'
  ],
  'POST in chunks': [
    'POST /0000 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n',
    '5;a=b\r\nhello\r\n0a\r\nhello\r\n\r\n!\r\n0\r\nTrailer: x\r\n\r\n'
  ],
  upgrade: [
    'GET /0000 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    '\x81\x85\0\0\0\0hello, and so on'
  ],
  'upgrade that is not answered': [
    'GET /0000 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n',
    'hello'
  ]
} as const

const SWITCH = 'HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

export const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
export const numbered = (text: string, i: number) => text.replace('0000', `${i}`.padStart(4, '0'))

/** A balancer that clients leave. */
export interface Left {
  readonly balancer: Balancer
  /** The connections of the backend by the number of the latest request. */
  readonly arrived: Map<number, Socket>
  /** A client that has sent this, and reads what comes. */
  send(bytes: string): Promise<Socket>
  /**
   * Checks that in time the clients' connections are closed, every slot is free, and the backend is rid of every
   * request that was under way; those with the numbers `done` were answered, so that their connections go on.
   */
  checkFreed(name: string, done?: readonly number[]): Promise<void>
}

/** The backend changes the protocol to `websocket`, and does what `answer` does; by itself it does nothing. */
export async function leaveable(
  t: Test,
  answer: (i: number, socket: Socket) => void = () => {},
  env: Readonly<Record<string, string>> = {}
): Promise<Left> {
  const arrived = new Map<number, Socket>()
  const backend = await serving(t, (socket) => {
    socket.on('data', (bytes) => {
      const [, number] = /^[A-Z]+ \/(\d+) /.exec(bytes.toString('latin1')) ?? []
      if (number === undefined) return
      arrived.set(Number(number), socket)
      if (bytes.includes('\r\nUpgrade: websocket')) socket.write(SWITCH)
      answer(Number(number), socket)
    })
  })
  const balancer = await startBalancer(t, [backend], env)
  const { server } = balancer.fastify
  const clients = new Set<Socket>()
  atEnd(t, () => {
    for (const socket of clients) socket.destroy()
  })
  let [opened, accepted] = [0, 0]
  server.on('connection', () => accepted++)

  const send = (bytes: string) =>
    new Promise<Socket>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: balancer.port, noDelay: true }, () => {
        opened++
        if (bytes === '') resolve(socket)
        else socket.write(bytes, 'latin1', () => resolve(socket))
      })
      clients.add(socket)
      socket.on('error', () => {}).once('close', () => clients.delete(socket))
      socket.resume()
    })

  const checkFreed = async (name: string, done: readonly number[] = []) => {
    const left = () => [opened - accepted, balancer.stats().connections.open, ...inFlight(balancer)]
    const stuck = () => [...arrived].filter(([, { destroyed }]) => !destroyed).map(([i]) => i)
    await eventually(() => left().every((count) => count === 0)).catch(() => {})
    t.same(left(), [0, 0, 0, 0], `${name}: every connection is closed, and every slot free`)
    await eventually(() => stuck().length === done.length, BEFORE_IDLE_MS).catch(() => {})
    t.same(stuck(), done, `${name}: the backend is rid of all`)
    const { requests, backends } = balancer.stats()
    t.same([requests.failed, backends[0]!.failed], [0, 0], 'nobody is blamed')
    t.notOk(balancer.log.some(({ level }) => level >= 40))
  }
  return { balancer, arrived, send, checkFreed }
}
