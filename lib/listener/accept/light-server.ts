import { channel } from 'node:diagnostics_channel'
import type { Server } from 'node:net'
import { hasLightSockets, LightSocket, type SocketHandle, type SocketServer } from './light-socket.js'

type AcceptCallback = (error: number, client?: Partial<SocketHandle>) => void

/** Is told by Node of each socket that a server makes. */
const madeByServers = channel('net.server.socket')

/**
 * Has a server of Node make light sockets of the connections that it accepts, wherever they would not be missed.
 * @param isWanted asked at each connection
 */
export function acceptLight(server: Server, isWanted: () => boolean): void {
  if (!hasLightSockets) return
  const internals = server as SocketServer & {
    _handle: { onconnection?: AcceptCallback } | null
    keepAlive?: boolean
    blockList?: unknown
  }
  server.on('listening', () => {
    const { _handle: listening, keepAlive, blockList } = internals
    const accept = listening?.onconnection
    if (!accept || keepAlive || blockList) return
    listening.onconnection = function (error, client) {
      const isFull = server.maxConnections != null && internals._connections >= server.maxConnections
      if (error || isFull || madeByServers.hasSubscribers || !canBeLight(client) || !isWanted()) {
        accept.call(this, error, client)
        return
      }
      if (internals.noDelay) client.setNoDelay?.(true)
      internals._connections++
      server.emit('connection', new LightSocket(client, internals))
    }
  })
}

/** Windows has no descriptors to write to. */
function canBeLight(client: Partial<SocketHandle> | undefined): client is SocketHandle {
  return client?.useUserBuffer !== undefined && client.fd !== undefined && client.fd >= 0
}
