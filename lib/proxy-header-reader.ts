import type { Socket } from 'node:net'
import { setProxiedFrom, setUnknownOrigin } from './forward/peer.js'
import { readProxyHeader } from './proxy-protocol.js'

/**
 * Reads the header of the PROXY protocol off a connection before anything else does. Calls `accept` once it is read, with
 * the connection at rest; one that does not begin with a header in time is closed, and `dropped` called.
 */
export function takeProxyHeader(
  socket: Socket,
  timeoutMs: number,
  accept: (socket: Socket) => void,
  dropped: () => void
): void {
  let bytes: Buffer = Buffer.alloc(0)
  const drop = () => {
    dropped()
    socket.destroy()
  }
  const timer = setTimeout(drop, timeoutMs)
  const leave = () => {
    clearTimeout(timer)
    socket.off('readable', read).off('end', drop).off('error', leave).off('close', leave)
  }
  const read = () => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    try {
      const header = readProxyHeader(bytes)
      if (!header) return
      leave()
      if (header.source) setProxiedFrom(socket, header.source)
      else if (!header.isLocal) setUnknownOrigin(socket)
      const rest = bytes.subarray(header.length)
      if (rest.length > 0) socket.unshift(rest)
      accept(socket)
    } catch {
      leave()
      drop()
    }
  }
  socket.on('readable', read).on('end', drop).on('error', leave).on('close', leave)
}
