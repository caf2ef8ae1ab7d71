import { createServer, type Socket } from 'node:net'

// A backend that is given a limit of requests at once, and says how often that was exceeded. `node backend.js PORT LIMIT`

const [port, limit] = process.argv.slice(2).map(Number) as [number, number]
const DELAY_MS = 1
/** In this time the end of a connection is seen, whose thread has died. */
const SEEN_MS = 10
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

interface Request {
  readonly sinceMs: number
  /** Its connection ended just then: it may have ended before others came. */
  isLost: boolean
}

const active = new Set<Request>()
let total = 0
let most = 0
let exceeded = 0

function check(requests: readonly Request[]): void {
  const count = requests.filter(({ isLost }) => !isLost).length
  most = Math.max(most, count)
  if (count > limit) exceeded++
}

createServer((socket: Socket) => {
  let latest: Request | undefined
  const onEnd = () => {
    if (!latest) return
    active.delete(latest)
    if (performance.now() - latest.sinceMs < SEEN_MS) latest.isLost = true
  }
  socket.on('data', (bytes) => {
    if (bytes.includes('GET /counts ')) {
      const body = JSON.stringify({ total, most, exceeded })
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
      return
    }
    const request = { sinceMs: performance.now(), isLost: false }
    latest = request
    total++
    active.add(request)
    const now = [...active]
    if (now.length <= limit) check(now)
    else setTimeout(() => check(now), SEEN_MS)
    setTimeout(() => {
      if (active.delete(request)) socket.write(ANSWER)
    }, DELAY_MS)
  })
  socket.on('end', onEnd).on('close', onEnd)
  socket.on('error', () => {})
}).listen(port, '127.0.0.1')
