import http from 'node:http'

// Usage: node backend.js PORT. `GET /33` is answered with a body of 33 bytes, any other size likewise.

const maxBodyBytes = 64 * 1024 * 1024
const bodies = new Map<string, Buffer>()

function bodyFor(target: string): Buffer {
  const known = bodies.get(target)
  if (known) return known
  const body = Buffer.alloc(Math.min(Number(target.slice(1)) || 33, maxBodyBytes), 'x')
  bodies.set(target, body)
  return body
}

const server = http.createServer((request, response) => {
  const body = bodyFor(request.url ?? '/')
  response.writeHead(200, ['content-type', 'text/plain', 'content-length', String(body.length)])
  response.end(body)
})

// A backend that closes idle connections would show up as failures of whichever proxy meets the race.
server.keepAliveTimeout = 600_000
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
