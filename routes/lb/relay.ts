import type { ClientRequest, IncomingMessage } from 'node:http'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { noAnswer } from '../../lib/admin/api-error.js'
import { originOf } from '../../lib/listener/client/connection-info.js'
import { lingeringClose } from '../../lib/listener/http1/lingering-close.js'
import type { Http1Response } from '../../lib/proxy/response/http1-response.js'
import type { RoutedStreamResponse } from '../../lib/proxy/response/stream/routed-stream-response.js'
import type { ThreadClient } from '../../lib/threads/connections.js'
import { relayedFields, relayedRequest } from '../../lib/threads/relayed-request.js'
import { answerError } from './api/errors.js'
import unreadBody from './unread-body.js'

/** Longer than the body of a request may take, and what it asks for. */
const TIMEOUT_MS = 30_000
/** Time for an event stream to end by itself in a drain. */
const CLOSE_TIMEOUT_MS = 500

type Response = Http1Response | RoutedStreamResponse

interface Options {
  readonly owner: ThreadClient
  /** Until the head of an answer. */
  readonly timeoutMs?: number
}

/** Everything under `/__lb/` in a thread that follows another: that one answers, as if the client had come to it. */
const relay: FastifyPluginAsync<Options> = async (fastify, { owner, timeoutMs = TIMEOUT_MS }) => {
  const eventStreams = new Set<Response>()
  await unreadBody(fastify)
  fastify.setErrorHandler(answerError)

  fastify.setNotFoundHandler((request, reply) => {
    const { raw } = request
    const res = reply.raw as Response
    const fail = () => {
      clearTimeout(timer)
      if (!reply.sent && !hasLeft) reply.header('Cache-Control', 'no-store').send(noAnswer())
    }
    let hasLeft = false
    let timer: NodeJS.Timeout | undefined
    const connection = owner.connect(originOf(raw.socket))
    if (!connection) {
      fail()
      return
    }
    timer = setTimeout(() => connection.destroy(), timeoutMs)
    res.whenOver(() => {
      hasLeft = true
      clearTimeout(timer)
      eventStreams.delete(res)
      connection.destroy()
    })
    const relayed = relayedRequest(raw, connection, !res.shouldKeepAlive)
    relayed.on('error', fail)
    relayed.once('response', (answer) => {
      clearTimeout(timer)
      reply.hijack()
      if (answer.headers['content-type']?.startsWith('text/event-stream')) eventStreams.add(res)
      answer.once('end', () => connection.destroy())
      send(res, answer, raw, relayed)
    })
    raw.pipe(relayed)
    // What has come of the body goes with the head, as it came.
    setImmediate(() => relayed.flushHeaders())
  })

  // The other thread ends them if it drains as well, with an event that says so.
  fastify.addHook('preClose', async () => {
    setTimeout(() => {
      for (const res of eventStreams) res.end()
    }, CLOSE_TIMEOUT_MS).unref()
  })
}

function send(res: Response, answer: IncomingMessage, req: IncomingMessage, relayed: ClientRequest): void {
  const fields = relayedFields(answer)
  let isLast = false
  res.statusCode = answer.statusCode!
  for (let i = 0; i < fields.length; i += 2) {
    isLast ||= fields[i]!.toLowerCase() === 'connection'
    res.appendHeader(fields[i]!, fields[i + 1]!)
  }
  discardRest(req, relayed, isLast)
  answer.on('error', () => res.cutOff())
  answer.pipe(res)
}

/** As the other thread does with what it has not read of a body: it closes the connection, or discards the rest. */
function discardRest(req: IncomingMessage, relayed: ClientRequest, isLast: boolean): void {
  if (req.readableEnded) return
  req.unpipe(relayed)
  // Of HTTP/2 the stream is reset behind the answer.
  if (isLast && !req.complete && req.httpVersionMajor === 1) lingeringClose(req)
  else req.resume()
}

export default fp(relay, { name: 'lb/relay', encapsulate: true })
