import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Test } from 'tap'

/** Listens on a free port of the loopback interface until the test ends, and returns `127.0.0.1:port`. */
export async function listen(t: Test, server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    // A test may reset a connection, or be reset.
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An address where nothing listens. */
export async function nowhere(t: Test, makeServer: () => Server): Promise<string> {
  const server = makeServer()
  const address = await listen(t, server)
  server.close()
  await once(server, 'close')
  return address
}
