import { connect } from 'node:net'
import type { Backend, CheckResult } from '../backend.js'
import type { HealthCheckConfig } from '../config/load.js'
import { describeFault } from '../fault.js'
import { Connection, type ConnectionOwner, type ResponseHandler } from '../http1/connection.js'
import { SocketOpener } from '../http1/open-socket.js'
import type { ResponseHead } from '../http1/response-head.js'

const BODY_LIMIT_BYTES = 65_536
const BUFFER_BYTES = 16_384
const MAX_HEAD_BYTES = 65_536

/** Asks a backend how it is. Never rejects: a failure is a result. */
export type Probe = (backend: Backend) => Promise<CheckResult>

/** A check took too long. */
class CheckTimeout extends Error {
  override readonly name = 'TimeoutError'
}

/** A `GET` over a connection of its own, so that it also sees a backend that accepts no new ones. */
export function httpProbe(config: HealthCheckConfig): Probe {
  const isExpected = (status: number) =>
    config.expectedStatus.some(({ from, to }) => status >= from && status <= to)
  return (backend) =>
    measured(config.timeoutMs, async () => {
      const { statusCode } = await askForHead(backend, config)
      return { ok: isExpected(statusCode), result: `status ${statusCode}` }
    })
}

function askForHead({ config }: Backend, { path, timeoutMs }: HealthCheckConfig): Promise<ResponseHead> {
  const opener = new SocketOpener(config, { connectTimeoutMs: timeoutMs, bufferSizeBytes: BUFFER_BYTES })
  const head = `GET ${path} HTTP/1.1\r\nHost: ${config.address}\r\nConnection: close\r\nUser-Agent: fairlead-health-check\r\nAccept: */*\r\n\r\n`
  return new Promise((resolve, reject) => {
    let received = 0
    const handler: ResponseHandler = {
      abandoned: false,
      onSending: () => {},
      onSent: () => {},
      onBodySent: () => {},
      onInterim: () => {},
      // The head tells all; the body is read only so that the backend sees an orderly end.
      onHead: resolve,
      onData: ({ length }) => {
        received += length
        if (received > BODY_LIMIT_BYTES) connection.destroy()
      },
      onReadEnd: () => {},
      onEnd: () => clearTimeout(timer),
      onError: reject
    }
    const owner: ConnectionOwner = {
      onActivity: () => {},
      onFree: () => connection.destroy(),
      onTunnel: () => {},
      onGone: () => clearTimeout(timer)
    }
    // An answer that has come meanwhile is read first, in case that this process was held up.
    const timer = setTimeout(() => setImmediate(() => connection.fail(new CheckTimeout())), timeoutMs)
    const connection = new Connection((...args) => opener.open(...args), owner, MAX_HEAD_BYTES)
    connection.send({ method: 'GET', head, body: undefined, repeatable: true }, handler)
  })
}

/** Whether a connection is accepted: all that can be asked of a backend whose health URL is not known. */
export function connectProbe(timeoutMs: number): Probe {
  return (backend) =>
    measured(timeoutMs, async () => {
      const { hostname, port } = backend.config
      await new Promise<void>((resolve, reject) => {
        const socket = connect({ host: hostname, port, signal: AbortSignal.timeout(timeoutMs) })
        socket.once('error', reject)
        socket.once('connect', () => {
          resolve()
          socket.destroy()
        })
      })
      return { ok: true, result: 'connection accepted' }
    })
}

async function measured(
  timeoutMs: number,
  ask: () => Promise<Pick<CheckResult, 'ok' | 'result'>>
): Promise<CheckResult> {
  const at = new Date()
  const start = performance.now()
  const answer = await ask().catch((error) => ({ ok: false, result: describe(error, timeoutMs) }))
  return { at, ...answer, latencyMs: Math.round((performance.now() - start) * 1000) / 1000 }
}

function describe(error: unknown, timeoutMs: number): string {
  const { name, cause } = error as { name?: string; cause?: unknown }
  if (name === 'TimeoutError' || (cause as { name?: string })?.name === 'TimeoutError') {
    return `no answer within ${timeoutMs / 1000} s`
  }
  return describeFault(error)
}
