import { connect, createServer, type Socket } from 'node:net'
import { outliveFailedWrites } from '../../../../lib/transport/sockets/socket-end.js'
import { atEnd, eventually, sleep, test } from '../../../helper.js'

test('what arrived is read, however many writes fail together', async (t) => {
  for (const [name, end] of [
    ['closed', (socket: Socket) => socket.end('answer', () => setTimeout(() => socket.destroy(), 20))],
    ['reset', (socket: Socket) => socket.write('answer', () => socket.resetAndDestroy())]
  ] as const) {
    let peer: Socket | undefined
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {})
      peer = socket
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    atEnd(t, () => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as { port: number }
    let received = ''
    let failures = 0
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer: Buffer.alloc(1024),
        callback: (length, bytes) => {
          received += Buffer.from(bytes).toString('latin1', 0, length)
          return true
        }
      }
    })
    atEnd(t, () => void socket.destroy())
    outliveFailedWrites(socket, { onWriteFailed: () => ++failures > 0 })
    socket.on('error', () => {})
    await eventually(() => peer !== undefined)
    // Nothing is read until the writes have failed.
    socket.pause()
    end(peer!)
    await sleep(100)
    socket.write('a')
    await sleep(50)
    // Each of these reaches the system by itself.
    for (let i = 0; i < 3; i++) {
      socket.cork()
      socket.write('b')
      socket.write('c')
      socket.uncork()
    }
    await sleep(0)
    socket.resume()
    await eventually(() => socket.closed)
    t.same([received, failures], ['answer', 1], name)
  }
})
