import net from 'node:net'
import tls from 'node:tls'

import { readTls } from './tls'

// Two sockets joined, a backend connection for each client's, and not a byte looked at: what is left of a proxy in Node
// when it only moves bytes.

const [port, ...backends] = process.argv.slice(2)
const targets = backends.map((backend) => {
  const [host, backendPort] = backend.split(':')
  return { host: host!, port: Number(backendPort), noDelay: true }
})

let turn = 0

function join(client: net.Socket): void {
  turn = (turn + 1) % targets.length
  const backend = net.connect(targets[turn]!)
  client.pipe(backend)
  backend.pipe(client)
  client.on('error', () => {}).on('close', () => backend.destroy())
  backend.on('error', () => {}).on('close', () => client.destroy())
}

const certificate = readTls()
const server = certificate
  ? tls.createServer({ ...certificate, noDelay: true }, join)
  : net.createServer({ noDelay: true }, join)

server.on('tlsClientError', () => {})
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 })
