import { writeSync } from 'node:fs'
import type { Socket } from 'node:net'

/** Sends a PROXY protocol header on an established plain connection, in one packet with what `connected` writes. */
export function sendProxyHeader(socket: Socket, header: Buffer, connected: () => void): void {
  socket.cork()
  socket.write(header)
  connected()
  socket.uncork()
}

/**
 * Sends a PROXY protocol header before the TLS handshake on a connection that is being opened. A `TLSSocket` encrypts all
 * that is written to it, and one over another socket does not support `onread`: so the header is written to the file
 * descriptor as soon as the connection is established, when its send buffer is empty.
 */
export function sendProxyHeaderBeforeTls(socket: Socket, header: Buffer): void {
  socket.prependOnceListener('connect', () => {
    const { fd = -1 } = (socket as Socket & { _handle?: { fd?: number } })._handle ?? {}
    try {
      const written = writeSync(fd, header)
      if (written < header.length) throw new Error('The header of the PROXY protocol was not taken')
    } catch (error) {
      socket.destroy(error as Error)
    }
  })
}
