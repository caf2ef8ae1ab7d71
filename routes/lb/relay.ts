import type { ClientRequest, IncomingMessage } from 'node:http'
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { noAnswer } from '../../lib/admin/api-error.js'
import { originOf } from '../../lib/listener/client/connection-info.js'
import { lingeringClose } from '../../lib/listener/http1/lingering-close.js'
import { resetAfterEnd } from '../../lib/listener/http2/reset-after-end.js'
import type { Http1Response } from '../../lib/proxy/response/http1-response.js'
import type { ThreadClient } from '../../lib/threads/connections.js'
import { relayedFields, relayedRequest } from '../../lib/threads/relayed-request.js'
import { answerError } from './api/errors.js'
import unreadBody from './unread-body.js'

/** Longer than the body of a request may take, and what it asks for. */
const TIMEOUT_MS = 30_000
/** Time for an event stream to end by itself in a drain. */
const CLOSE_TIMEOUT_MS = 500

type Response = Http1Response | Http2ServerResponse

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
    const res: Response = reply.raw as Http1Response
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
    whenOver(res, () => {
      hasLeft = true
      clearTimeout(timer)
      eventStreams.delete(res)
      connection.destroy()
    })
    const relayed = relayedRequest(raw, connection, (res as Partial<Http1Response>).shouldKeepAlive === false)
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

/** The client has left, or has the whole answer. */
function whenOver(res: Response, callback: () => void): void {
  if ('whenOver' in res) res.whenOver(callback)
  else res.once('close', callback)
}

function send(res: Response, answer: IncomingMessage, req: IncomingMessage, relayed: ClientRequest): void {
  const isHttp2 = 'stream' in res
  const fields = relayedFields(answer)
  let isLast = false
  res.statusCode = answer.statusCode!
  for (let i = 0; i < fields.length; i += 2) {
    const isConnection = fields[i]!.toLowerCase() === 'connection'
    isLast ||= isConnection
    if (!isConnection || !isHttp2) res.appendHeader(fields[i]!, fields[i + 1]!)
  }
  discardRest(req, relayed, isLast)
  answer.on('error', () => cutOff(res))
  answer.pipe(res as Http1Response)
}

/** As the other thread does with what it has not read of a body: it closes the connection, or discards the rest. */
function discardRest(req: IncomingMessage, relayed: ClientRequest, isLast: boolean): void {
  if (req.readableEnded) return
  req.unpipe(relayed)
  const { stream } = req as unknown as Partial<Http2ServerRequest>
  if (!stream) {
    if (isLast && !req.complete) lingeringClose(req)
    else req.resume()
  } else if (!stream.endAfterHeaders && !stream.readableEnded) {
    resetAfterEnd(stream, () => req.resume())
  }
}

function cutOff(res: Response): void {
  if ('cutOff' in res) res.cutOff()
  else res.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
}

export default fp(relay, { name: 'lb/relay', encapsulate: true })
