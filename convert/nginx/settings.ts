import { textOf } from '../directive.js'
import { isRange, secondsOf } from '../values.js'
import type { Context } from './context.js'
import type { ServersOfPort } from './listen.js'
import type { Scope } from './scope.js'

/** Times in `http` or in the default server, and what they are called here. */
const TIMES: Readonly<Record<string, string>> = {
  keepalive_timeout: 'keep-alive-timeout',
  client_header_timeout: 'request-head-timeout',
  client_body_timeout: 'request-body-timeout',
  worker_shutdown_timeout: 'drain-timeout'
}

/** Settings of the whole balancer. */
export function settingsOf(http: Scope, chosen: ServersOfPort, context: Context): Record<string, unknown> {
  const scope = chosen.servers[0]?.scope ?? http
  return {
    port: chosen.port,
    ...tls(chosen, context),
    // nginx learns of backends from their answers alone.
    'no-health-check': true,
    ...(context.maxBodyBytes > 0 && { 'max-body-size': context.maxBodyBytes }),
    ...times(scope),
    ...limits(scope, context),
    ...clients(scope, chosen, context)
  }
}

function tls(
  { servers, isTls, redirectPort }: ServersOfPort,
  { findings }: Context
): Record<string, unknown> {
  if (!isTls) return {}
  const certificates = [...new Set(servers.flatMap(({ scope }) => scope.all('ssl_certificate')))]
  const keys = [...new Set(servers.flatMap(({ scope }) => scope.all('ssl_certificate_key')))]
  for (const directive of [...certificates, ...keys])
    if (directive.args[0]?.includes('$') || directive.args[0]?.startsWith('data:'))
      findings.leftOut(directive.at, textOf(directive), 'certificates are files')
  const files = (list: typeof certificates) => [...new Set(list.map(({ args }) => args[0] ?? ''))]
  const versions = servers[0]?.scope.last('ssl_protocols')?.args ?? []
  const isModern = versions.length > 0 && versions.every((version) => version === 'TLSv1.3')
  const client = servers[0]?.scope.value('ssl_client_certificate')
  const verify = servers[0]?.scope.last('ssl_verify_client')
  if (verify && /^optional/.test(verify.args[0] ?? ''))
    findings.leftOut(
      verify.at,
      textOf(verify),
      'clients without a certificate are refused, or none is asked for'
    )
  return {
    'tls-cert': files(certificates),
    'tls-key': files(keys),
    ...(isModern && { 'tls-min-version': 'TLSv1.3' }),
    ...(client && verify?.args[0] === 'on' && { 'tls-client-ca': client }),
    ...(redirectPort !== undefined && { 'https-redirect-port': redirectPort })
  }
}

function times(scope: Scope): Record<string, unknown> {
  const found: Record<string, number> = {}
  for (const [name, key] of Object.entries(TIMES)) {
    const seconds = secondsOf(scope.value(name) ?? '')
    if (seconds !== undefined && seconds >= 1) found[key] = seconds
  }
  const requests = Number(scope.value('keepalive_requests') ?? 0)
  return { ...found, ...(requests > 0 && { 'max-requests-per-socket': requests }) }
}

function limits(scope: Scope, { findings }: Context): Record<string, unknown> {
  const limit = scope.last('limit_conn')
  if (!limit) return {}
  findings.differs(
    limit.at,
    textOf(limit),
    'connections are counted, not requests; those above it are closed'
  )
  return { 'max-sockets-per-client': Number(limit.args[1]) }
}

/** Who a client is: by proxies in front. */
function clients(
  scope: Scope,
  { isProxyProtocol }: ServersOfPort,
  { findings }: Context
): Record<string, unknown> {
  const from = scope.all('set_real_ip_from')
  const ranges = from.flatMap(({ args }) => (isRange(args[0] ?? '') ? [args[0]!] : []))
  for (const directive of from)
    if (!isRange(directive.args[0] ?? ''))
      findings.leftOut(directive.at, textOf(directive), 'a proxy is an address')
  const field = scope.last('real_ip_header')
  if (field && !/^(?:X-Forwarded-For|proxy_protocol)$/i.test(field.args[0] ?? ''))
    findings.leftOut(
      field.at,
      textOf(field),
      'the client is told by X-Forwarded-For or by the PROXY protocol'
    )
  const log = scope.last('access_log')
  const file = log && log.args[0] !== 'off' && !/[$:]/.test(log.args[0] ?? '') ? log.args[0] : undefined
  return {
    ...(ranges.length > 0 && { 'trusted-proxies': ranges }),
    ...(isProxyProtocol && { 'proxy-protocol': true }),
    ...(file && { 'access-log': 'all', 'access-log-format': 'combined', 'access-log-file': file })
  }
}
