import { isIP } from 'node:net'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import { authorityOf, type SecureOrigin } from '../transport/origin.js'
import type { HealthCheckConfig } from './options.js'

/** The request of a backend's health check, and which answers pass. */
export interface CheckRequest {
  readonly origin: SecureOrigin
  /** Server name for TLS, where it is not the backend's own. */
  readonly servername: string | undefined
  readonly method: string
  /** Request line and fields, including the blank line. */
  readonly head: string
  readonly timeoutMs: number
  /** Of the response head. */
  readonly maxHeadBytes: number
  readonly expects: (statusCode: number) => boolean
}

/** Methods whose requests need `Content-Length: 0` when they have no content (RFC 9110 section 8.6). */
const WITH_CONTENT = new Set(['POST', 'PUT', 'PATCH'])

/** Builds the request from what all checks have in common and the backend's own options. */
export function checkRequest(backend: BackendConfig, config: HealthCheckConfig): CheckRequest {
  const { protocol, hostname, socketPath, tlsName, tlsNoVerify, h2, proxyProtocol } = backend
  const port = backend.checkPort ?? backend.port
  const host = backend.checkHost ?? config.host
  const { method } = config
  const expected = backend.checkStatus ?? config.expectedStatus
  return {
    origin: {
      protocol,
      hostname,
      port,
      tlsName,
      tlsNoVerify,
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(h2 ? { h2 } : {}),
      // Another port belongs to a service for checks, which may not speak the PROXY protocol.
      ...(proxyProtocol && port === backend.port ? { proxyProtocol } : {})
    },
    servername: nameOf(host),
    method,
    head: headOf(config, backend.checkPath ?? config.path, host || authorityOf({ hostname, port })),
    timeoutMs: Math.min(config.timeoutMs, backend.checkPeriodMs ?? config.periodMs),
    maxHeadBytes: config.maxHeadBytes,
    expects: (statusCode) => expected.some(({ from, to }) => statusCode >= from && statusCode <= to)
  }
}

function headOf({ method, fields }: HealthCheckConfig, path: string, host: string): string {
  const own = [
    { name: 'User-Agent', value: 'fairlead-health-check' },
    { name: 'Accept', value: '*/*' }
  ].filter(({ name }) => !fields.some((field) => field.name.toLowerCase() === name.toLowerCase()))
  if (WITH_CONTENT.has(method)) own.push({ name: 'Content-Length', value: '0' })
  const lines = [...own, ...fields].map(({ name, value }) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${lines.join('')}\r\n`
}

/** The host name in a `Host` field; `undefined` if it is an address or empty. */
function nameOf(host: string): string | undefined {
  const name = host.replace(/:\d+$/, '')
  return name === '' || name.startsWith('[') || isIP(name) !== 0 ? undefined : name
}
