import http from 'node:http'
import httpProxy from 'http-proxy'

// http-proxy with the one setting that everybody gives it: an agent that keeps connections to the backends.

const [port, ...backends] = process.argv.slice(2)
const targets = backends.map((backend) => `http://${backend}`)

const proxy = httpProxy.createProxyServer({
  agent: new http.Agent({ keepAlive: true, maxFreeSockets: 4096 })
})

proxy.on('error', (_error, _request, response) => {
  if (response instanceof http.ServerResponse && !response.headersSent) response.writeHead(502)
  response.end()
})

let turn = 0

const server = http.createServer((request, response) => {
  turn = (turn + 1) % targets.length
  proxy.web(request, response, { target: targets[turn]! })
})

server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 })
