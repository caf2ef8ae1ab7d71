import http from 'node:http'

// Usage: node backends.js PORT. Listens on all addresses of this machine, each of 127.0.0.0/8 among them, and answers every
// GET with 33 bytes; `GET /last` with the time of the latest request that came to each address, checks left out.

const BODY = Buffer.alloc(33, 'x')
const lastAt = new Map<string, number>()

const server = http.createServer((request, response) => {
  if (request.url === '/last') {
    response.end(JSON.stringify(Object.fromEntries(lastAt)))
    return
  }
  if (request.url !== '/check') lastAt.set(request.socket.localAddress!, Date.now())
  response.writeHead(200, ['content-type', 'text/plain', 'content-length', String(BODY.length)])
  response.end(BODY)
})
server.keepAliveTimeout = 0
server.listen(Number(process.argv[2]), '0.0.0.0')
