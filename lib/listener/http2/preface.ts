import type { Socket } from 'node:net'

/** How the preface of HTTP/2 begins (RFC 9113 section 3.4): a method that no request of HTTP/1.1 has. */
const PREFACE_START = Buffer.from('PRI ')

/**
 * Finds out by its first bytes which version of HTTP a client speaks, and leaves them on the connection, which is at
 * rest then. One that sends too little in time is closed.
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
    const isLikeIt = bytes.subarray(0, length).equals(PREFACE_START.subarray(0, length))
    if (isLikeIt && length < PREFACE_START.length) return
    leave()
    socket.unshift(bytes)
    serve(isLikeIt)
  }
  socket.on('readable', read).on('end', drop).on('error', leave).on('close', leave)
}
