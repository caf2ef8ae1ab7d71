import { createServer, type Socket } from 'node:net'

// A backend that is given a limit of requests at once, and says how often that was exceeded. `node backend.js PORT LIMIT`

const [port, limit] = process.argv.slice(2).map(Number) as [number, number]
const DELAY_MS = 1
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

let active = 0
let total = 0
let most = 0
let exceeded = 0

/** What a thread that has died had here ends when its connections are seen to be closed, which is not before the next turn. */
const check = () => {
  most = Math.max(most, active)
  if (active > limit) exceeded++
}

createServer((socket: Socket) => {
  let isAsked = false
  const end = () => {
    if (!isAsked) return
    isAsked = false
    active--
  }
  socket.on('data', (bytes) => {
    if (bytes.includes('GET /counts ')) {
      const body = JSON.stringify({ total, most, exceeded })
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
      return
    }
    isAsked = true
    total++
    active++
    if (active > limit) setImmediate(() => setImmediate(check))
    else most = Math.max(most, active)
    setTimeout(() => {
      if (isAsked) socket.write(ANSWER)
      end()
    }, DELAY_MS)
  })
  socket.on('close', end).on('error', () => {})
}).listen(port, '127.0.0.1')
