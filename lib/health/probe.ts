import { connect } from 'node:net'
import { Client } from 'undici'
import type { Backend, CheckResult } from '../backend.js'
import type { HealthCheckConfig } from '../config/load.js'
import { describeFault } from '../fault.js'
import { tlsOptions } from '../http1/open-socket.js'

const BODY_LIMIT_BYTES = 65_536

/** Asks a backend how it is. Never rejects: a failure is a result. */
export type Probe = (backend: Backend) => Promise<CheckResult>

/** A `GET` over a connection of its own, so that it also sees a backend that accepts no new ones. */
export function httpProbe(config: HealthCheckConfig): Probe {
  const isExpected = (status: number) =>
    config.expectedStatus.some(({ from, to }) => status >= from && status <= to)
  return (backend) =>
    measured(config.timeoutMs, async () => {
      const client = new Client(backend.origin, {
        connect: { timeout: config.timeoutMs, ...tlsOptions(backend.config) },
        headersTimeout: 0,
        bodyTimeout: 0
      })
      const close = () => void client.destroy().catch(() => {})
      try {
        const response = await client.request({
          method: 'GET',
          path: config.path,
          headers: { 'user-agent': 'fairlead-health-check', accept: '*/*' },
          reset: true,
          signal: AbortSignal.timeout(config.timeoutMs)
        })
        // The head tells all; the body is read only so that the backend sees an orderly end.
        response.body
          .dump({ limit: BODY_LIMIT_BYTES })
          .catch(() => {})
          .finally(close)
        return { ok: isExpected(response.statusCode), result: `status ${response.statusCode}` }
      } catch (error) {
        close()
        throw error
      }
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
