import { finished, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import app from '../../app/index.js'
import { serverOptions } from '../../app/options.js'
import { createLoadBalancer } from '../../index.js'
import { loadConfig } from '../../lib/config/load.js'
import type { LaneMode } from '../../lib/listener/http1/lane/options.js'
import { atEnd, eventually, test } from '../helper.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { readMessage } from '../support/wire.js'

const GET = 'GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Request-Id: one\r\nCookie: a=b\r\ncookie: c=d\r\n\r\n'
const LAST = GET.replace('Host', 'Connection: close\r\nHost')
const text = (...parts: string[]) => Readable.from(parts.map((part) => Buffer.from(part)))

/** What an application adds: notes in `seen` what it sees. */
type Plugin = (fastify: FastifyInstance, seen: unknown[]) => void

/** What plugins of Fastify do, by the hooks that they do it with. */
const PLUGINS: Record<string, { readonly add: Plugin; readonly request?: string; readonly holds: RegExp }> = {
  'answers of its own to preflights, and a field for others': {
    add: (fastify) =>
      void fastify.addHook('onRequest', async ({ method }, reply) => {
        reply.header('access-control-allow-origin', '*')
        if (method === 'OPTIONS') await reply.code(204).header('content-length', '0').send()
      }),
    request: GET.replace('GET', 'OPTIONS'),
    holds: /^HTTP\/1.1 204 No Content\r\naccess-control-allow-origin: \*\r\n/
  },
  'fields that are set on the raw reply': {
    add: (fastify) =>
      void fastify.addHook('onRequest', (_request, { raw }, done) => {
        raw.setHeader('X-Frame-Options', 'DENY')
        raw.appendHeader('x-b', '1')
        raw.removeHeader('x-b')
        done(raw.hasHeader('x-frame-options') ? undefined : new Error('It is not set'))
      }),
    holds: /^HTTP\/1.1 200 OK\r\n(?!.*x-b)/s
  },
  'a refusal with fields, which onSend adds to': {
    add: (fastify) => {
      fastify.addHook('onRequest', async (_request, reply) =>
        reply.code(429).header('retry-after', '1').send({ error: 'slow' })
      )
      fastify.addHook('onSend', async (_request, reply, payload) => {
        reply.header('x-length', String((payload as string).length))
        return `${payload}\n`
      })
    },
    holds: /^HTTP\/1.1 429 .*content-length: 17\r\n.*\{"error":"slow"\}\n/s
  },
  'an error that its handler answers': {
    add: (fastify) => {
      fastify.setErrorHandler((error, _request, reply) =>
        reply
          .code(401)
          .header('www-authenticate', 'Basic')
          .send((error as Error).message)
      )
      fastify.addHook('preHandler', async () => {
        throw new Error('Who is it?')
      })
    },
    holds: /^HTTP\/1.1 401 .*Who is it\?/s
  },
  'a stream that another one compresses': {
    add: (fastify) => {
      fastify.addHook('onSend', async (_request, reply, payload) => {
        reply.removeHeader('content-length').header('content-encoding', 'gzip')
        return (payload as Readable).pipe(createGzip())
      })
      fastify.addHook('preHandler', async (_request, reply) =>
        reply.type('text/plain').send(text('one', 'x'.repeat(70_000), 'two'))
      )
    },
    holds:
      /^HTTP\/1.1 200 OK\r\n.*content-encoding: gzip\r\n.*transfer-encoding: chunked\r\n.*\r\n0\r\n\r\n/is
  },
  'a stream that fails on its way': {
    add: (fastify) =>
      void fastify.addHook('preHandler', async (_request, reply) =>
        reply.send(
          Readable.from(
            (function* () {
              yield 'one'
              throw new Error('broken')
            })()
          )
        )
      ),
    request: LAST,
    holds: /^HTTP\/1.1 (200|500)/
  },
  'a reply that is taken over and written in parts': {
    add: (fastify, seen) =>
      void fastify.addHook('onRequest', async (_request, reply) => {
        reply.hijack()
        const { raw } = reply
        raw.writeHead(200, { 'content-type': 'text/event-stream', trailer: 'x-sum' })
        raw.flushHeaders()
        raw.write('data: 1\n\n')
        raw.cork()
        raw.write('data: 2\n\n', () => seen.push('written'))
        raw.uncork()
        raw.addTrailers({ 'x-sum': '2' })
        await new Promise<void>((resolve) => raw.end('data: 3\n\n', resolve))
        seen.push(raw.headersSent, raw.writableEnded, raw.writableFinished, raw.statusCode)
      }),
    holds: /data: 1\n\n.*data: 3\n\n.*x-sum: 2\r\n/s
  },
  'trailers of a reply': {
    add: (fastify) =>
      void fastify.addHook('preHandler', async (_request, reply) =>
        reply.trailer('x-sum', async () => '1').send('text')
      ),
    holds: /text.*x-sum: 1\r\n/s
  },
  'early hints': {
    add: (fastify) =>
      void fastify.addHook('onRequest', (_request, { raw }, done) =>
        raw.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => done())
      ),
    holds: /^HTTP\/1.1 103 Early Hints\r\n.*\r\n\r\nHTTP\/1.1 200 OK\r\n/is
  },
  'ends and times of replies that are forwarded': {
    add: (fastify, seen) => {
      fastify.addHook('onRequest', async (request, { raw }) => {
        seen.push(request.headers, raw.headersSent, raw.writableEnded, raw.finished, raw.destroyed)
        raw.on('prefinish', () => seen.push('prefinish'))
        raw.on('finish', () => {
          seen.push('finish', raw.socket)
          process.nextTick(() => seen.push('after finish'))
          void Promise.resolve().then(() => seen.push('later'))
        })
        raw.once('close', () => seen.push('close', raw.destroyed, raw.closed, raw.writableFinished))
        finished(raw, (error) => seen.push(['finished', error]))
      })
      fastify.addHook('onResponse', async (_request, reply) => {
        seen.push('onResponse', reply.statusCode, reply.sent, reply.elapsedTime > 0)
      })
    },
    holds: /^HTTP\/1.1 200 OK\r\n/
  },
  'an end that is wrapped': {
    add: (fastify, seen) =>
      void fastify.addHook('onRequest', (_request, { raw }, done) => {
        const { end } = raw
        raw.end = ((...args: unknown[]) => {
          seen.push(['end', raw.statusCode])
          return (end as (...args: unknown[]) => unknown).apply(raw, args)
        }) as typeof end
        done()
      }),
    holds: /^HTTP\/1.1 200 OK\r\n/
  },
  'a connection that is corked': {
    add: (fastify) =>
      void fastify.addHook('onRequest', (_request, { raw }, done) => {
        raw.cork()
        done()
      }),
    holds: /^HTTP\/1.1 200 OK\r\n/
  },
  'a reply that is destroyed': {
    add: (fastify, seen) =>
      void fastify.addHook('onRequest', async ({ raw: req }, reply) => {
        reply.hijack()
        req.on('close', () => seen.push(['request', req.aborted]))
        reply.raw.on('close', () => seen.push(['reply', reply.raw.destroyed]))
        reply.raw.destroy()
      }),
    request: LAST,
    holds: /^$/
  }
}

/** Whether there is a whole response, past interim ones. */
function isAnswered(bytes: Buffer): boolean {
  const message = readMessage(bytes, { kind: 'response', head: false, ended: false })
  if (!message) return false
  return !message.startLine.startsWith('HTTP/1.1 1') || isAnswered(bytes.subarray(message.size))
}

/** All that a client is sent, and all that a plugin has seen. */
async function play(t: Test, mode: LaneMode, name: string): Promise<{ sent: string; seen: unknown[] }> {
  const { add, request = GET } = PLUGINS[name]!
  const backend = await scripted(t, answering(OK))
  const fastify = createLoadBalancer({ backends: backend.address, noHealthCheck: true, lane: mode })
  atEnd(t, () => fastify.close())
  const seen: unknown[] = []
  add(fastify, seen)
  await fastify.listen({ host: '127.0.0.1', port: 0 })
  const client = await RawClient.open(t, (fastify.server.address() as { port: number }).port)
  // The second one shows that the connection is still in order.
  if (request !== LAST) {
    client.send(request)
    await eventually(() => isAnswered(client.received))
  }
  client.send(LAST)
  await client.untilClosed()
  await eventually(() => fastify.fairlead.pool().stats().requests.inFlight === 0)
  const sent = client.received.toString('latin1').replace(/^Date: .*$/gim, 'Date: now')
  return { sent, seen }
}

for (const name of Object.keys(PLUGINS))
  test(`hooks work on the lane as with Node's server: ${name}`, async (t) => {
    const [routed, off] = [await play(t, 'auto', name), await play(t, 'off', name)]
    t.match(off.sent, PLUGINS[name]!.holds)
    t.same(routed, off)
  })

for (const lane of ['auto', 'routed', 'off'] as const)
  test(`a client that leaves during a hook of an application around it leaves no slot behind: ${lane}`, async (t) => {
    const backend = await scripted(t, answering(OK))
    const config = loadConfig({ LB_BACKENDS: backend.address, LB_NO_HEALTH_CHECK: 'true', LB_LANE: lane })
    const fastify = Fastify(serverOptions(config) as object)
    let leaving = 0
    // Added before the app, it runs before the app's own.
    fastify.addHook('onRequest', async ({ originalUrl, raw }) => {
      if (originalUrl !== '/leaves') return
      leaving++
      await eventually(() => raw.socket.destroyed)
    })
    await fastify.register(app, { config })
    atEnd(t, () => fastify.close())
    await fastify.listen({ host: '127.0.0.1', port: 0 })
    const { port } = fastify.server.address() as { port: number }
    const get = 'GET /leaves HTTP/1.1\r\nHost: x\r\n\r\n'
    for (const requests of [
      get,
      `${get}${get}`,
      'POST /leaves HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na'
    ]) {
      const before = leaving
      const client = await RawClient.open(t, port)
      client.send(requests)
      await eventually(() => leaving > before)
      client.socket.destroy()
    }
    const other = await RawClient.open(t, port)
    other.send('GET /stays HTTP/1.1\r\nHost: x\r\n\r\n')
    t.match((await other.response()).startLine, '200')
    const stats = async () =>
      JSON.parse((await fastify.inject({ url: '/__lb/stats', remoteAddress: '127.0.0.1' })).body)
    const { requests, backends } = await stats()
    t.same([requests.inFlight, backends[0].active], [0, 0])
    t.same(
      backend.requests.map(({ startLine }) => startLine.split(' ')[1]),
      ['/stays'],
      'nor does a backend get what nobody waits for'
    )
  })
