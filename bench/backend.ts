import http from 'node:http'

// Usage: node backend.js PORT. `GET /33` is answered with a body of 33 bytes, any other size likewise; a request with
// a body once that is there. `GET /received` tells how many bytes of bodies have come so far.

const maxBodyBytes = 128 * 1024 * 1024
const bodies = new Map<string, Buffer>()
let receivedBytes = 0

function bodyFor(target: string): Buffer {
  if (target === '/received') return Buffer.from(String(receivedBytes))
  const known = bodies.get(target)
  if (known) return known
  const body = Buffer.alloc(Math.min(Number(target.slice(1)) || 33, maxBodyBytes), 'x')
  bodies.set(target, body)
  return body
}

function answer({ url }: http.IncomingMessage, response: http.ServerResponse): void {
  const body = bodyFor(url ?? '/')
  response.writeHead(200, ['content-type', 'text/plain', 'content-length', String(body.length)])
  response.end(body)
}

const server = http.createServer((request, response) => {
  if (request.method === 'GET') return answer(request, response)
  request.on('data', (chunk: Buffer) => {
    receivedBytes += chunk.length
  })
  request.on('end', () => answer(request, response))
})

// A backend that closes idle connections would show up as failures of whichever proxy meets the race.
server.keepAliveTimeout = 600_000
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
