import type { OnReadOpts } from 'node:net'
import { describeNetworkError } from '../base/network-error.js'
import { missingResource } from '../base/shortage/resource.js'
import type { Backend, CheckResult } from '../pool/backend.js'
import type { ResponseHandler } from '../transport/backend-stream.js'
import { SocketOpener, type SocketOptions } from '../transport/sockets/open-socket.js'
import { BODY_LIMIT_BYTES, BodyMatch } from './body-match.js'
import { type CheckRequest, checkRequest } from './check-request.js'
import { sendOneShot } from './one-shot-request.js'
import type { HealthCheckConfig } from './options.js'

const BUFFER_BYTES = 16_384

/** Asks a backend how it is. Never rejects: a failure is a result. */
export type Probe = (backend: Backend) => Promise<CheckResult>

/** A check took too long. */
export class CheckTimeout extends Error {
  override readonly name = 'TimeoutError'
}

/** All that is wanted of an answer has been read, and the connection is closed. */
class EnoughRead extends Error {}

/** What its connections have in common with those of requests. */
export type Sockets = Pick<SocketOptions, 'credentials' | 'resolver'>

const UNREAD: OnReadOpts = { buffer: Buffer.alloc(1), callback: () => true }

/** A request over a connection of its own, so that it also sees a backend that accepts no new ones. */
export function httpProbe(config: HealthCheckConfig, sockets: Sockets): Probe {
  const wantsBody = config.body !== ''
  const match = new BodyMatch(config.body)
  return (backend) => {
    const request = checkRequest(backend.config, config)
    return timed(request.timeoutMs, async () => {
      const { statusCode, body } = await ask(request, wantsBody, sockets)
      const result = `status ${statusCode}`
      if (body === undefined) return { ok: request.expects(statusCode), result }
      const mismatch = match.explain(body)
      return mismatch ? { ok: false, result: `${result}, ${mismatch}` } : { ok: true, result }
    })
  }
}

interface Answer {
  readonly statusCode: number
  /** What was read of it, where it was asked for and the status is as expected. */
  readonly body?: Buffer
}

function ask(request: CheckRequest, wantsBody: boolean, sockets: Sockets): Promise<Answer> {
  const { origin, servername, timeoutMs, method, head, maxHeadBytes } = request
  return new Promise((resolve, reject) => {
    const body: Buffer[] = []
    let received = 0
    let statusCode = 0
    const finish = () => resolve({ statusCode, body: Buffer.concat(body).subarray(0, BODY_LIMIT_BYTES) })
    const handler: ResponseHandler = {
      aborted: false,
      onSending: () => {},
      onSent: () => {},
      onBodySent: () => {},
      onInterim: () => {},
      // Where the head tells all, the body is read only so that the backend sees an orderly end.
      onHead: (head) => {
        statusCode = head.statusCode
        if (!wantsBody || !request.expects(statusCode)) resolve({ statusCode })
      },
      onData: (chunk) => {
        received += chunk.length
        // It lies in memory that the next read overwrites.
        if (wantsBody) body.push(Buffer.from(chunk))
        if (received < BODY_LIMIT_BYTES) return
        finish()
        connection.fail(new EnoughRead())
      },
      onReadEnd: () => {},
      onEnd: () => {
        clearTimeout(timer)
        finish()
      },
      onError: reject
    }
    // An answer that has come meanwhile is read first, in case that this process was held up.
    const timer = setTimeout(() => setImmediate(() => connection.fail(new CheckTimeout())), timeoutMs)
    const options = {
      connectTimeoutMs: timeoutMs,
      bufferSizeBytes: BUFFER_BYTES,
      maxHeadBytes,
      servername,
      ...sockets,
      onGone: () => clearTimeout(timer)
    }
    const connection = sendOneShot(
      origin,
      options,
      { method, head, body: undefined, replayable: true },
      handler
    )
  })
}

/** Whether a connection is accepted: all that can be asked of a backend whose health URL is not known. */
export function connectProbe(timeoutMs: number, sockets: Sockets): Probe {
  const options = { ...sockets, connectTimeoutMs: timeoutMs, bufferSizeBytes: BUFFER_BYTES }
  return (backend) =>
    timed(timeoutMs, async () => {
      // Whatever is spoken there.
      const opener = new SocketOpener({ ...backend.config, protocol: 'http:' }, options)
      await new Promise<void>((resolve, reject) => {
        const socket = opener.open(UNREAD, () => {
          resolve()
          socket.destroySoon()
        })
        socket.once('error', reject)
      })
      return { ok: true, result: 'connection accepted' }
    })
}

/** Times a check, and makes a result of its failure. */
export async function timed(
  timeoutMs: number,
  ask: () => Promise<Pick<CheckResult, 'ok' | 'result' | 'missing'>>
): Promise<CheckResult> {
  const at = new Date()
  const start = performance.now()
  const answer = await ask().catch((error) => failed(error, timeoutMs))
  return { at, ...answer, latencyMs: Math.round((performance.now() - start) * 1000) / 1000 }
}

function failed(error: unknown, timeoutMs: number): Pick<CheckResult, 'ok' | 'result' | 'missing'> {
  const missing = missingResource(error)
  const result = describe(error, timeoutMs)
  // An address that this machine does not have says as much of the backend's as of ports.
  return missing && missing !== 'ports' ? { ok: false, result, missing } : { ok: false, result }
}

function describe(error: unknown, timeoutMs: number): string {
  const { name, cause } = error as { name?: string; cause?: unknown }
  if (name === 'TimeoutError' || (cause as { name?: string })?.name === 'TimeoutError') {
    return `no answer within ${timeoutMs / 1000} s`
  }
  return describeNetworkError(error)
}
