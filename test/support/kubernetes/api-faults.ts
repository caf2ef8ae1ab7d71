import { sleep } from '../test.js'
import { json, refuse } from './answers.js'
import type { ApiServer, Fault } from './api-server.js'

/** What happens to an API server, and is over when it resolves. */
export type ApiFault = (server: ApiServer, durationMs: number) => Promise<void>

/** All requests are answered so for a while, and none that was under way goes on. */
function answering(fault: Fault): ApiFault {
  return async (server, durationMs) => {
    server.fault = fault
    server.cut()
    await sleep(durationMs)
    server.fault = undefined
    server.cut()
  }
}

const refusing = (code: number, reason: string) =>
  answering((_req, res) => {
    refuse(res, code, reason, reason)
    return true
  })

/** Faults of an API server, by name. */
export const API_FAULTS: Readonly<Record<string, ApiFault>> = {
  'killed and started again': async (server, durationMs) => {
    await server.kill()
    await sleep(durationMs)
    await server.listen()
  },
  'killed and started again without its history': async (server, durationMs) => {
    await server.kill()
    server.store.compact()
    await sleep(durationMs)
    await server.listen()
  },
  'all connections cut': async (server) => server.cut(),
  'its watches are late': async (server, durationMs) => {
    server.watches.isSlow = true
    await sleep(durationMs)
    server.watches.goOn()
  },
  'nothing is answered': answering(() => true),
  'too old': async (server) => {
    server.store.compact()
    server.watches.fail(410, 'Expired', 'too old resource version')
  },
  'an error in the watch': async (server) =>
    server.watches.fail(500, 'InternalError', 'etcdserver: request timed out'),
  'nonsense in the watch': async (server) =>
    server.watches.raw('{"type":"MODIFIED","object":{"metadata":{"na\n'),
  'half an event': async (server) => {
    server.watches.raw('{"type":"MODIFIED","object":{"metadata":')
    server.cut()
  },
  'an internal error': refusing(500, 'InternalError'),
  'too many requests': refusing(429, 'TooManyRequests'),
  forbidden: refusing(403, 'Forbidden'),
  unauthorized: refusing(401, 'Unauthorized'),
  'another page': answering((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>It works!</html>')
    return true
  }),
  'a list that is none': answering((_req, res) => {
    json(res, 200, { kind: 'Table', metadata: { resourceVersion: '1' }, rows: [] })
    return true
  }),
  'half a list': answering((_req, res) => {
    res.writeHead(200, { 'Content-Length': '9999' })
    res.write('{"metadata":{"resourceVersion":"1"},"items":[', () => res.destroy())
    return true
  })
}
