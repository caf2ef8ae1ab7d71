import http from 'node:http'
import https from 'node:https'
import httpProxy from 'http-proxy'

import { readTls } from './tls'

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

function forward(request: http.IncomingMessage, response: http.ServerResponse): void {
  turn = (turn + 1) % targets.length
  proxy.web(request, response, { target: targets[turn]! })
}

const tls = readTls()
const server = tls ? https.createServer(tls, forward) : http.createServer(forward)

// Node's own 5 s would close what the others keep.
server.keepAliveTimeout = 75_000

server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 })
