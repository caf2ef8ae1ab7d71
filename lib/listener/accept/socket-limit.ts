import type { Server, Socket } from 'node:net'
import type { GaugeCell } from '../../base/cells/cell.js'
import type { Counters } from '../../base/cells/counters.js'
import type { Threads } from '../../base/cells/rows.js'
import { detachListener } from '../connection-acceptor.js'

/** Where the connections of a server are counted if several threads accept them. */
export interface SocketGauge {
  readonly counters: Pick<Counters, 'acquire' | 'change'>
  readonly cell: GaugeCell
  readonly threads: Threads
}

/**
 * Bounds the connections of a server that has its listener by now, over all threads: one too many is closed before it is
 * read. Node counts those of one thread, and closes one before it has made a socket.
 */
export function limitSockets(
  server: Server,
  max: number,
  { counters, cell, threads }: SocketGauge,
  onDropped: () => void
): void {
  server.maxConnections = max
  server.on('drop', onDropped)
  if (threads.count === 1) return
  const open = new Set<Socket>()
  // A socket may tell of its end more than once.
  const onClose = function (this: Socket) {
    if (open.delete(this)) counters.change(cell, -1)
  }
  const serve = detachListener(server)
  server.on('connection', (socket: Socket) => {
    if (!counters.acquire(cell, max)) {
      socket.destroy()
      onDropped()
      return
    }
    open.add(socket)
    socket.on('close', onClose)
    serve(socket)
  })
}
