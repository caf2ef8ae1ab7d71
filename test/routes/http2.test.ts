import type { IncomingMessage } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { Config } from '../../lib/config/load.js'
import type { Http2Acceptor } from '../../lib/listener/http2/acceptor.js'
import { RequestHeadReader } from '../../lib/listener/http2/request/request-head.js'
import type { Failure } from '../../lib/proxy/failure.js'
import { SPECIAL_FIELDS } from '../../lib/proxy/request/request-head.js'
import type { ClientStream } from '../../lib/proxy/response/client-stream.js'
import http2 from '../../routes/http2.js'
import { atEnd, test } from '../helper.js'
import { FakeStream, turns } from '../support/fake-stream.js'

const CONFIG = {
  limits: { requestTimeoutMs: 0 },
  bufferSizeBytes: 1000,
  methods: new Set(['BREW'])
} as unknown as Config
const LIMITS = { targetBytes: 1000, fields: 100, bodyBytes: 0, special: SPECIAL_FIELDS }

/** The parts of a balancer that requests of HTTP/2 come to, and what these have got. */
async function serverOf(t: Test, add: (fastify: FastifyInstance) => void = () => {}) {
  const seen: string[] = []
  const fastify = Fastify()
  atEnd(t, () => fastify.close())
  const acceptor = {} as Pick<Http2Acceptor, 'serve'>
  fastify.decorate('http2', acceptor as Http2Acceptor)
  fastify.decorate('rejectRequest', (_req: IncomingMessage, res: ClientStream, { code }: Failure) => {
    seen.push(`refused ${code}`)
    res.answer(400, '', [], undefined, true)
  })
  fastify.decorate('tryLocalReply', ({ url }: IncomingMessage, res: ClientStream) => {
    if (url !== '/busy') return false
    res.answer(503, 'Service Unavailable', [], 'busy', false)
    return true
  })
  fastify.decorate('forwarder', {
    open(req: IncomingMessage, res: ClientStream, target: string, _id: string, upgrade?: string) {
      seen.push(`${req.method} ${target}${upgrade ? ` to ${upgrade}` : ''}`)
      res.answer(200, 'OK', [], 'forwarded', false)
      return undefined
    }
  })
  add(fastify)
  fastify.get('/__lb/live', async () => 'live')
  fastify.put('/__lb/state', async ({ body }) => body)
  fastify.get('/*', async () => 'routed')
  await fastify.register(http2, { config: CONFIG })
  await fastify.ready()
  /** Sends a request, whose stream is then returned. */
  const ask = async (pseudo: Record<string, string>, fields: string[] = [], isTooLarge = false) => {
    const all = { ':method': 'GET', ':scheme': 'http', ':authority': 'a.test', ...pseudo }
    const decoded = [...Object.entries(all).flat(), ...fields]
    const isEnd = fields.length === 0
    const reader = new RequestHeadReader(LIMITS)
    t.equal(reader.read(decoded, isEnd), !isTooLarge || pseudo[':path'] !== undefined, `${decoded}`)
    const stream = new FakeStream(isEnd)
    acceptor.serve!(stream, reader, { fields: decoded, isTooLarge, isEnd, neverIndexed: undefined })
    await turns()
    return stream
  }
  return { ask, seen }
}

test('requests go to a backend past the router', async (t) => {
  const { ask, seen } = await serverOf(t)
  const { sent } = await ask({ ':path': '/a?b' })
  t.same(sent, ['head 200', 'data forwarded', 'end'])
  await ask({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws' }, [
    'sec-websocket-version',
    '13'
  ])
  await ask({ ':method': 'BREW', ':path': '/tea' })
  t.same(seen, ['GET /a?b', 'GET /ws to websocket', 'BREW /tea'])
  const busy = await ask({ ':path': '/busy' })
  t.same(busy.sent, ['head 503', 'data busy', 'end'])
  t.equal(seen.length, 3)
})

test('those that nobody serves are refused', async (t) => {
  const { ask, seen } = await serverOf(t)
  await ask({ ':method': 'NONE', ':path': '/' })
  await ask({ ':method': 'BREW', ':path': '/__lb/live' })
  await ask({ ':path': '/' }, [], true)
  // What is too large may be the path.
  await ask({}, [], true)
  t.same(
    seen.map((each) => each.replace('refused LB_', '')),
    ['UNKNOWN_METHOD', 'UNKNOWN_METHOD', 'HEAD_TOO_LARGE', 'HEAD_TOO_LARGE']
  )
})

test('the administration answers, whatever else there is', async (t) => {
  const { ask, seen } = await serverOf(t)
  const stream = await ask({ ':path': '/__lb/live' })
  t.same(stream.sent, ['head 200', 'data live', 'end'])
  const put = await ask({ ':method': 'PUT', ':path': '/__lb/state' }, [
    ...['content-type', 'text/plain', 'content-length', '4'],
    ...['expect', '100-continue']
  ])
  t.same(put.sent, ['interim 100'])
  put.receive('body')
  put.receiveEnd()
  await turns()
  t.same(put.sent, ['interim 100', 'head 200', 'data body', 'end'])
  t.same(seen, [])
})

test('all pass the router if somebody has a hook there', async (t) => {
  let hooks = 0
  const { ask, seen } = await serverOf(t, (fastify) => {
    fastify.addHook('onSend', async () => void hooks++)
  })
  const { sent } = await ask({ ':path': '/a' })
  t.same(sent, ['head 200', 'data routed', 'end'])
  t.equal(hooks, 1)
  const busy = await ask({ ':path': '/busy' })
  t.same(busy.sent, ['head 503', 'data busy', 'end'])
  await ask({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws' }, ['a', 'b'])
  t.same(seen, ['GET /ws to websocket'])
})
