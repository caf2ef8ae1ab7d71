import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Behaviour, readSettings, SettingError } from './behaviour.js'

const BODY_LIMIT_BYTES = 65_536
const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/
/** A balancer on this machine connects over loopback too, for clients that are elsewhere. */
const PROXY_FIELDS = ['forwarded', 'x-forwarded-for', 'via']

export interface Controls {
  /** Whether only this machine can connect at all. */
  isLocal(): boolean
  stats(): object
  /** Returns the behaviour after the change. */
  change(changes: Partial<Behaviour>): Behaviour
}

/** Answers everything under `/__be/`. */
export function control(req: IncomingMessage, res: ServerResponse, controls: Controls): void {
  const path = req.url!.split('?', 1)[0]
  if (path === '/__be/stats') {
    sendJson(res, 200, controls.stats())
  } else if (path !== '/__be/set') {
    sendJson(res, 404, { error: 'There are /__be/stats and /__be/set' })
  } else if (!isLocal(req, controls)) {
    sendJson(res, 403, { error: 'Settings can only be changed from this machine' })
  } else if (req.method !== 'POST') {
    res.setHeader('Allow', 'POST')
    sendJson(res, 405, { error: 'Settings are changed with POST and a JSON object' })
  } else {
    set(req, res, controls)
  }
}

function isLocal(req: IncomingMessage, controls: Controls): boolean {
  const isNear = controls.isLocal() || LOOPBACK.test(req.socket.remoteAddress ?? '')
  return isNear && PROXY_FIELDS.every((name) => !(name in req.headers))
}

function set(req: IncomingMessage, res: ServerResponse, controls: Controls): void {
  const chunks: Buffer[] = []
  let lengthBytes = 0
  req.on('data', (chunk: Buffer) => {
    lengthBytes += chunk.length
    if (lengthBytes <= BODY_LIMIT_BYTES) chunks.push(chunk)
  })
  req.on('end', () => {
    if (lengthBytes > BODY_LIMIT_BYTES) {
      sendJson(res, 413, { error: `At most ${BODY_LIMIT_BYTES} bytes are read` })
      return
    }
    try {
      sendJson(res, 200, controls.change(readSettings(JSON.parse(Buffer.concat(chunks).toString()))))
    } catch (error) {
      if (!(error instanceof SettingError || error instanceof SyntaxError)) throw error
      sendJson(res, 400, { error: error.message })
    }
  })
}

function sendJson(res: ServerResponse, status: number, value: object): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`)
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  res.end(body)
}
