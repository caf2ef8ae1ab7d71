import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { bodyTimeout, bodyTooLarge, brokenJson, notJson } from '../../../lib/admin/api-error.js'
import { fieldValues } from '../../../lib/admin/raw-headers.js'
import { hasBody } from '../../../lib/base/http/request-body.js'

const MAX_BYTES = 256 * 1024
const TIMEOUT_MS = 10_000
const JSON_TYPE = /^application\/json[ \t]*(;|$)/i

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Rejects bodies of any type but JSON: forms of other sites cannot send JSON. */
export function checkType({ raw }: FastifyRequest, isWanted: boolean): void {
  const [type, another] = fieldValues(raw.rawHeaders, 'content-type')
  if (type === undefined && !isWanted && !hasBody(raw)) return
  if (type === undefined || another !== undefined || !JSON_TYPE.test(type)) throw notJson()
}

/** Reads the JSON body of a request: Fastify parses no bodies on this server. */
export async function readJson(request: FastifyRequest): Promise<void> {
  const bytes = await readBody(request.raw)
  try {
    request.body = JSON.parse(utf8.decode(bytes))
  } catch (error) {
    throw brokenJson((error as Error).message)
  }
}

function readBody(raw: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let length = 0
    const settle = (act: () => void) => {
      clearTimeout(timer)
      raw.off('data', onData).off('end', onEnd).off('close', onClose).pause()
      act()
    }
    const timer = setTimeout(() => settle(() => reject(bodyTimeout())), TIMEOUT_MS)
    const onData = (bytes: Buffer) => {
      length += bytes.length
      if (length > MAX_BYTES) settle(() => reject(bodyTooLarge(MAX_BYTES)))
      else parts.push(bytes)
    }
    const onEnd = () => settle(() => resolve(Buffer.concat(parts)))
    const onClose = () => settle(() => reject(bodyTimeout()))
    if (Number(raw.headers['content-length'] ?? 0) > MAX_BYTES) {
      settle(() => reject(bodyTooLarge(MAX_BYTES)))
      return
    }
    // A body that is cut off emits an error, and then `close`.
    raw.on('error', () => {})
    raw.on('data', onData).on('end', onEnd).on('close', onClose)
  })
}
