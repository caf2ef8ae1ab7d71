import type { Socket } from 'node:net'
import { setProxyHeader } from '../client/connection-info.js'
import { setPrecedingBytes } from '../http1/client-connection.js'
import type { ProxyHeader } from './header.js'
import { parseProxyHeader } from './parse-header.js'

/**
 * Reads the PROXY protocol header from a connection, before anything else is read. Then calls `accept`, with the
 * connection paused. A connection without a valid header in time is closed.
 * @param refused called with the reason, one of a few
 */
export function receiveProxyHeader(
  socket: Socket,
  timeoutMs: number,
  accept: (socket: Socket, header: ProxyHeader) => void,
  refused: (reason: string) => void
): void {
  let bytes: Buffer = Buffer.alloc(0)
  const drop = (reason: string) => {
    leave()
    socket.destroy()
    refused(reason)
  }
  const timer = setTimeout(() => drop('does not come in time'), timeoutMs)
  const onEnd = () => {
    if (bytes.length > 0) {
      drop('ends too soon')
      return
    }
    // A port scan, or a TCP health check.
    leave()
    socket.destroy()
  }
  const leave = () => {
    clearTimeout(timer)
    socket.off('readable', read).off('end', onEnd).off('error', leave).off('close', leave)
  }
  const read = () => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    let header: ProxyHeader | undefined
    try {
      header = parseProxyHeader(bytes)
    } catch (error) {
      drop((error as Error).message)
      return
    }
    if (!header) return
    leave()
    setProxyHeader(socket, header)
    setPrecedingBytes(socket, header.length)
    const rest = bytes.subarray(header.length)
    if (rest.length > 0) socket.unshift(rest)
    accept(socket, header)
  }
  socket.on('readable', read).on('end', onEnd).on('error', leave).on('close', leave)
}
