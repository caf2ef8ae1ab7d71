import net from 'node:net'

// A socket of Node for each client, a request and a response over a connection to a backend that is kept, each in one read,
// and the end of the client's connection: the floor of what `node:net` takes for a connection with one small request.

const [port, ...backends] = process.argv.slice(2)
const REQUEST = /^(\S+ \S+ )/
const targets = backends.map((backend) => {
  const [host, backendPort] = backend.split(':')
  return { host: host!, port: Number(backendPort), noDelay: true }
})

type Answered = (response: string) => void

const idle: net.Socket[] = []
const answered = new WeakMap<net.Socket, Answered>()
let turn = 0

function ask(request: string, onAnswered: Answered): void {
  const backend = idle.pop() ?? connectTo(targets[turn++ % targets.length]!)
  answered.set(backend, onAnswered)
  backend.write(request, 'latin1')
}

function connectTo(target: net.TcpNetConnectOpts): net.Socket {
  const backend = net.connect(target).setEncoding('latin1')
  return backend.on('data', (response: string) => {
    idle.push(backend)
    answered.get(backend)!(response)
  })
}

const server = net.createServer({ noDelay: true }, (client) => {
  client.setEncoding('latin1').on('error', () => {})
  client.on('data', (head: string) => {
    const [, start] = REQUEST.exec(head) ?? []
    if (start === undefined) client.destroy()
    else
      ask(`${start}HTTP/1.1\r\nHost: x\r\n\r\n`, (response) =>
        client.end(response.replace('keep-alive', 'close'), 'latin1')
      )
  })
})
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 })
