import { writeSync } from 'node:fs'
import type { Socket } from 'node:net'

/** Has `header` be the first that is sent on a plain connection that stands, in one packet with what follows. */
export function sendProxyHeader(socket: Socket, header: Buffer, connected: () => void): void {
  socket.cork()
  socket.write(header)
  connected()
  socket.uncork()
}

/**
 * Has `header` sent before TLS on a connection that is being made. All that is written to such a socket is encrypted,
 * and one of TLS over another one does not read into memory that is given to it: so it is written past the socket, as
 * soon as the connection stands, when there is room for it.
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
