import { isGrpcCall } from '../../base/grpc/call.js'
import { redactSecrets } from '../../base/secrets.js'
import { clientOf } from '../../listener/client/client-address.js'
import { proxyHeaderOf } from '../../listener/client/connection-info.js'
import { bytesAnswered, type EndedRequest, isAborted } from '../../proxy/ended-request.js'
import { grpcStatusOf } from '../../proxy/local-reply/grpc-reply.js'
import { escapeJson, escapeQuoted } from './escape.js'

/** Formats a line, with its line break, short enough for an atomic write to a pipe. */
export type LineFormat = (ended: EndedRequest, nowMs: number) => string

/** The texts of a request are cut off so that a line fits into one atomic write to a pipe. */
const MAX_TARGET = 2048
const MAX_METHOD = 64
const MAX_FIELD = 512
const MAX_ID = 256
const MAX_ADDRESS = 64

/** nginx's status for a client that closed its connection before there was an answer. */
const CLIENT_CLOSED_REQUEST = 499

/** A line of JSON as pino writes it, so that one parser reads all that the balancer prints. */
export const jsonLine: LineFormat = (ended, nowMs) => {
  const { req, by, failure, answeredBy, backendMs } = ended
  const client = escapeJson(clientOf(req, by.trusted), MAX_ADDRESS)
  const target = escapeJson(redactSecrets(by.target), MAX_TARGET)
  let line =
    `{"level":30,"time":${nowMs},"msg":"request","client":"${client}","method":"${req.method!.slice(0, MAX_METHOD)}","target":"${target}",` +
    `"version":"${req.httpVersion}","status":${ended.statusCode || CLIENT_CLOSED_REQUEST},` +
    `"durationMs":${rounded(ended.durationMs)},` +
    (answeredBy
      ? `"backend":"${answeredBy.address}","backendMs":${rounded(backendMs)},`
      : '"backend":null,"backendMs":null,') +
    `"attempts":${ended.attempts},"bytesIn":${ended.bytesIn},"bytesOut":${bytesAnswered(ended)},` +
    `"requestId":"${escapeJson(by.requestId, MAX_ID)}"`
  const { route } = by
  if (route) line += `,"route":"${route.route}"`
  if (route?.pool !== undefined) line += `,"pool":"${route.pool}"`
  const connectionId = proxyHeaderOf(req.socket)?.uniqueId
  if (connectionId !== undefined) line += `,"connectionId":"${escapeJson(connectionId, MAX_ID)}"`
  if (by.trace) line += `,"traceId":"${by.trace.traceId}"`
  if (ended.changesProtocol) line += ',"tunnel":true'
  if (isAborted(ended)) line += ',"aborted":true'
  if (failure) line += `,"code":"${failure.code}"`
  if (failure && !answeredBy && isGrpcCall(req)) line += `,"grpcStatus":${grpcStatusOf(failure)}`
  return `${line}}\n`
}

/** A line in Apache's combined format. The user is always `-`: the `Authorization` field also holds a password. */
export const combinedLine: LineFormat = (ended, nowMs) => {
  const { req, by } = ended
  const { referer, 'user-agent': agent } = req.headers
  const client = escapeQuoted(clientOf(req, by.trusted), MAX_ADDRESS)
  const target = escapeQuoted(redactSecrets(by.target), MAX_TARGET)
  return (
    `${client} - - [${commonLogTime(nowMs - ended.durationMs)}] "${req.method!.slice(0, MAX_METHOD)} ${target} HTTP/${req.httpVersion}" ` +
    `${ended.statusCode || CLIENT_CLOSED_REQUEST} ${bytesAnswered(ended) || '-'} ` +
    `"${referer === undefined ? '-' : escapeQuoted(redactSecrets(referer), MAX_FIELD)}" ` +
    `"${agent === undefined ? '-' : escapeQuoted(agent, MAX_FIELD)}"\n`
  )
}

/** Rounded to the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

let timeSecond = -1
let time = ''

/** Such as `25/Nov/2026:22:34:01 +0000`. */
function commonLogTime(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== timeSecond) {
    timeSecond = second
    const [, day, month, year, clock] = new Date(ms).toUTCString().split(' ')
    time = `${day}/${month}/${year}:${clock} +0000`
  }
  return time
}
