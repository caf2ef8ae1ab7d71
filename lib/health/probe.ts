import type { OnReadOpts } from 'node:net'
import { describeNetworkError } from '../base/network-error.js'
import { missingResource } from '../base/shortage/resource.js'
import type { Backend, CheckResult } from '../pool/backend.js'
import type { ResponseHandler } from '../transport/backend-stream.js'
import { SocketOpener, type SocketOptions } from '../transport/sockets/open-socket.js'
import { BODY_LIMIT_BYTES, BodyMatch } from './body-match.js'
import { type CheckRequest, checkRequest } from './check-request.js'
import type { HealthCheckConfig } from './options.js'
import { sendTimed } from './timed-request.js'

const BUFFER_BYTES = 16_384

/** Checks a backend once. Never rejects: a failure is a result. */
export type Probe = (backend: Backend) => Promise<CheckResult>

/** Enough of an answer has been read, and the connection is closed. */
class EnoughRead extends Error {}

/** What connections of checks share with those of requests. */
export type Sockets = Pick<SocketOptions, 'credentials' | 'resolver'>

const UNREAD: OnReadOpts = { buffer: Buffer.alloc(1), callback: () => true }

/** Sends a request over a new connection, so that it also notices a backend that accepts no new ones. */
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
  /** What was read of it, where a body is wanted and the status is as expected. */
  readonly body?: Buffer
}

function ask(request: CheckRequest, wantsBody: boolean, sockets: Sockets): Promise<Answer> {
  const { method, head, maxHeadBytes } = request
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
      // Where the head decides, the body is read only so that the backend sees an orderly end.
      onHead: (head) => {
        statusCode = head.statusCode
        if (!wantsBody || !request.expects(statusCode)) resolve({ statusCode })
      },
      onData: (chunk) => {
        received += chunk.length
        // The next read overwrites its memory.
        if (wantsBody) body.push(Buffer.from(chunk))
        if (received < BODY_LIMIT_BYTES) return
        finish()
        sent.fail(new EnoughRead())
      },
      onReadEnd: () => {},
      onEnd: () => {
        sent.stopTimer()
        finish()
      },
      onError: reject
    }
    const options = { ...sockets, maxHeadBytes, bufferSizeBytes: BUFFER_BYTES }
    const sent = sendTimed(request, options, { method, head, body: undefined, replayable: true }, handler)
  })
}

/** Checks whether a connection is accepted: all that can be done where no health URL is known. */
export function connectProbe(timeoutMs: number, sockets: Sockets): Probe {
  const options = { ...sockets, connectTimeoutMs: timeoutMs, bufferSizeBytes: BUFFER_BYTES }
  return (backend) =>
    timed(timeoutMs, async () => {
      // Without TLS, whatever protocol follows.
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

/** Runs a check, measures how long it takes, and turns a failure into a result. */
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
  // EADDRNOTAVAIL may as well mean that the backend's address cannot be reached from this machine.
  return missing && missing !== 'ports' ? { ok: false, result, missing } : { ok: false, result }
}

function describe(error: unknown, timeoutMs: number): string {
  const { name, cause } = error as { name?: string; cause?: unknown }
  if (name === 'TimeoutError' || (cause as { name?: string })?.name === 'TimeoutError') {
    return `no answer within ${timeoutMs / 1000} s`
  }
  return describeNetworkError(error)
}
