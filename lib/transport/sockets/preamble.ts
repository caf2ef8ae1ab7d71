import { writeSync } from 'node:fs'
import type { Socket } from 'node:net'

/** Has `preamble` be the first that is sent on a plain connection that stands, in one packet with what follows. */
export function sendFirst(socket: Socket, preamble: Buffer, connected: () => void): void {
  socket.cork()
  socket.write(preamble)
  connected()
  socket.uncork()
}

/**
 * Has `preamble` sent before TLS on a connection that is being made. All that is written to such a socket is encrypted,
 * and one of TLS over another one does not read into memory that is given to it: so it is written past the socket, as
 * soon as the connection stands, when there is room for it.
 */
export function sendBeforeTls(socket: Socket, preamble: Buffer): void {
  socket.prependOnceListener('connect', () => {
    const { fd = -1 } = (socket as Socket & { _handle?: { fd?: number } })._handle ?? {}
    try {
      const written = writeSync(fd, preamble)
      if (written < preamble.length) throw new Error('The header of the PROXY protocol was not taken')
    } catch (error) {
      socket.destroy(error as Error)
    }
  })
}
