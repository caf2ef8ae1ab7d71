import type { Socket } from 'node:net'

/** The start of the HTTP/2 connection preface (RFC 9113 section 3.4), which no HTTP/1.1 request has. */
const PREFACE_START = Buffer.from('PRI ')

/**
 * Detects by the first bytes whether a client speaks HTTP/2. The bytes are put back on the connection, which is paused
 * then. It is closed if too few arrive in time.
 */
export function detectVersion(socket: Socket, timeoutMs: number, serve: (isHttp2: boolean) => void): void {
  const drop = () => socket.destroy()
  const timer = setTimeout(drop, timeoutMs)
  const leave = () => {
    clearTimeout(timer)
    socket.off('readable', read).off('end', drop).off('error', leave).off('close', leave)
  }
  let bytes: Buffer = Buffer.alloc(0)
  const read = () => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    const length = Math.min(bytes.length, PREFACE_START.length)
    const isPreface = bytes.subarray(0, length).equals(PREFACE_START.subarray(0, length))
    if (isPreface && length < PREFACE_START.length) return
    leave()
    socket.unshift(bytes)
    serve(isPreface)
  }
  socket.on('readable', read).on('end', drop).on('error', leave).on('close', leave)
}
