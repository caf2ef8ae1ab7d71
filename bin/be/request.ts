import type { IncomingMessage, ServerResponse } from 'node:http'

/** Whether a body follows the head. Reads the raw list, as `headers` is only built when asked for. */
export function hasBody(req: IncomingMessage): boolean {
  const fields = req.rawHeaders
  for (let i = 0; i < fields.length; i += 2) {
    const { length } = fields[i]!
    if (length !== 'content-length'.length && length !== 'transfer-encoding'.length) continue
    const name = fields[i]!.toLowerCase()
    if ((name === 'content-length' && fields[i + 1] !== '0') || name === 'transfer-encoding') return true
  }
  return false
}

/** Calls back after a wait, at once if there is none, and never if the client leaves before. */
export function after(waitMs: number, res: ServerResponse, callback: () => void): void {
  if (waitMs <= 0) {
    callback()
    return
  }
  const timer = setTimeout(callback, waitMs)
  res.once('close', () => clearTimeout(timer))
}
