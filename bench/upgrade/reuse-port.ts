import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { Server } from 'node:net'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { duplicateListening } from '../../lib/threads/listening-handle'
import { freePorts } from '../loopback'
import { Load } from './load'

// What clients notice when a listening socket of SO_REUSEPORT is closed beside another one, and when one socket is handed
// from process to process. `node dist/bench/upgrade/reuse-port.js [REPLACEMENTS]`, with Node.js 24 or later.

/** `emptied` accepts what waits in the queue before it closes it. */
const WAYS = ['reuse-port', 'reuse-port-emptied', 'handed-over'] as const
type Way = (typeof WAYS)[number]

const REPLACEMENTS = Number(process.argv[2] ?? 20)
const CLIENTS = 128
const MAX_PAUSE_MS = 40
const BETWEEN_MS = 500
/** Of a request: it is not served while others connect. */
const WORK_MS = 0.2
const BACKLOG = 4096
const HANDED_FD = 3
const QUIET_TURNS = 2

async function measure(way: Way): Promise<string> {
  const [port] = (await freePorts(1)) as [number]
  const start = async (fds: readonly number[] = []): Promise<ChildProcess> => {
    const child = fork(__filename, ['serve', way, `${port}`], {
      stdio: ['inherit', 'inherit', 'inherit', ...fds, 'ipc']
    })
    await once(child, 'message')
    return child
  }
  // The socket that is handed over is held here, where nothing is accepted from it.
  const held = way === 'handed-over' ? await listeningOn(port) : undefined
  let serving = await start(held === undefined ? [] : [held])
  const load = new Load({ port, isSecure: false, clients: CLIENTS, newShare: 1, maxPauseMs: MAX_PAUSE_MS })
  await sleep(BETWEEN_MS)
  for (let i = 0; i < REPLACEMENTS; i++) {
    const next = await start(held === undefined ? [] : [held])
    serving.send('close')
    serving = next
    await sleep(BETWEEN_MS)
  }
  const { answered, failures } = await load.stop()
  serving.kill('SIGKILL')
  return `${way}: ${answered} requests answered, ${failures.length} failed${failures.length > 0 ? `: ${[...new Set(failures)].join(', ')}` : ''}`
}

/** The descriptor of a socket that listens; nobody here accepts from it. */
async function listeningOn(port: number): Promise<number> {
  const server = http.createServer().listen({ host: '127.0.0.1', port, backlog: BACKLOG })
  await once(server, 'listening')
  const { fd } = await duplicateListening(server)
  server.close()
  return fd
}

/** A server that ends when it is told to and its connections have. */
function serve(way: Way, port: number): void {
  const server = http.createServer((_, response) => {
    const untilMs = performance.now() + WORK_MS
    while (performance.now() < untilMs);
    response.end('x')
  })
  const options =
    way === 'handed-over' ? { fd: HANDED_FD } : { host: '127.0.0.1', port, reusePort: true as never }
  server.listen({ ...options, backlog: BACKLOG }, () => process.send!('ready'))
  process.once('message', async () => {
    if (way !== 'reuse-port') await acceptAll(server)
    server.close(() => process.exit())
    server.closeIdleConnections()
  })
}

/** Waits until no turn of the event loop brings a connection. */
async function acceptAll(server: Server): Promise<void> {
  let quiet = 0
  const onConnection = () => {
    quiet = 0
  }
  server.on('connection', onConnection)
  const untilMs = performance.now() + 1000
  while (quiet++ < QUIET_TURNS && performance.now() < untilMs) await setImmediate()
  server.off('connection', onConnection)
}

async function main(): Promise<void> {
  console.log(
    `Node.js ${process.version}: ${REPLACEMENTS} replacements each, ${CLIENTS} clients that connect anew each time`
  )
  for (const way of WAYS) console.log(await measure(way))
  process.exit()
}

if (process.argv[2] === 'serve') serve(process.argv[3] as Way, Number(process.argv[4]))
else void main()
