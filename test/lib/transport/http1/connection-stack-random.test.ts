import type { Socket } from 'node:net'
import { eventually, sleep, test } from '../../../helper.js'
import { seededRandom } from '../../../support/random.js'
import { scripted } from '../../../support/raw-backend.js'
import { allEnded, ask, askFor, EAGER, type Ending, stackFor } from '../../../support/stack.js'

const SEED = Number(process.env.FAIRLEAD_TEST_SEED ?? 42)
const BURSTS = 60
const MOST_AT_ONCE = 40
const MOST_UNACCEPTED = 200
const PATIENCE_MS = 10_000

const responseOf = (path: string, ...fields: string[]) =>
  ['HTTP/1.1 200 OK', ...fields, `Content-Length: ${path.length}`, '', path].join('\r\n')

/** Ways to answer a request for a path, each as often as its weight says. */
const DEEDS = (
  [
    [50, (socket, path) => socket.write(responseOf(path))],
    [15, answerInParts],
    [8, (socket, path) => socket.end(responseOf(path))],
    [7, (socket, path) => socket.end(responseOf(path, 'Connection: close'))],
    [5, (socket, path) => socket.write(responseOf(path, 'Keep-Alive: timeout=1'))],
    [3, (socket, path) => socket.write(responseOf(path) + responseOf('evil'))],
    [4, (socket) => socket.resetAndDestroy()],
    [4, (socket, path) => socket.end(responseOf(path).slice(0, -1))],
    [4, (socket) => socket.write('garbage')]
  ] as [weight: number, deed: (socket: Socket, path: string) => unknown][]
).flatMap(([weight, deed]) => Array.from({ length: weight }, () => deed))

async function answerInParts(socket: Socket, path: string): Promise<void> {
  const chunk = `${path.length.toString(16)}\r\n${path}`
  for (const part of [
    'HTTP/1.1 200 OK\r\nTransfer-',
    'Encoding: chunked\r\n\r\n',
    chunk,
    '\r\n0\r\n',
    '\r\n'
  ]) {
    socket.write(part)
    await sleep(2)
  }
}

test('each request ends once, and no connection has two at a time, whatever happens', async (t) => {
  t.comment(`seed ${SEED}`)
  const random = seededRandom(SEED)
  const busy = new Set<Socket>()
  let shared = 0
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (busy.has(socket)) shared++
    busy.add(socket)
    const answer = () => {
      busy.delete(socket)
      DEEDS[Math.floor(random() * DEEDS.length)]!(socket, startLine.split(' ')[1]!)
    }
    if (random() < 0.5) answer()
    else setTimeout(answer, random() * 20)
  })
  const stack = stackFor(t, backend)
  const paths = new Map<Ending, string>()
  const gone = new Set<Ending>()
  for (let burst = 0; burst < BURSTS; burst++) {
    for (let i = random() * MOST_AT_ONCE; i > 0; i--) {
      const path = `/${paths.size}`
      const ending = ask(stack, { head: `GET ${path} HTTP/1.1\r\n\r\n`, replayable: random() < 0.7 })
      paths.set(ending, path)
      if (random() < 0.85) continue
      gone.add(ending)
      setTimeout(() => {
        ending.aborted = true
        if (ending.count === 0) ending.connection?.destroy()
      }, random() * 10)
    }
    await sleep(random() * 12)
    // Node accepts one at a turn, and what the system's queue has no room for would be a second late.
    await eventually(() => stack.opened - backend.connections < MOST_UNACCEPTED, PATIENCE_MS)
  }
  const endings = [...paths.keys()]
  const staying = endings.filter((ending) => !gone.has(ending))
  await eventually(allEnded(staying), PATIENCE_MS)
  await sleep(50)
  t.ok(staying.every(({ count }) => count === 1))
  t.ok(endings.every(({ count }) => count <= 1))
  const completed = endings.filter((ending) => ending.completed > 0)
  t.ok(
    completed.every((ending) => ending.body === paths.get(ending)),
    'each got the response to it'
  )
  t.ok(completed.length > endings.length / 2, 'most of them')
  t.ok(staying.some(({ errors }) => errors.length > 0))
  t.equal(shared, 0, 'no connection had two requests at a time')
  // Were one lost, it would count as busy for ever, and of these some would wait.
  const { opened } = stack
  const last = askFor(stack, EAGER)
  t.equal(last.filter(({ sent }) => sent > 0).length + stack.opened - opened, EAGER)
  await eventually(allEnded(last), PATIENCE_MS)
  await stack.destroy()
  await eventually(() => backend.sockets.size === 0, PATIENCE_MS)
})
