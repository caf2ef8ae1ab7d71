import { parseOrigin } from '../../lib/transport/origin.js'
import { type Directive, textOf } from '../directive.js'
import type { Findings } from '../findings.js'
import type { PoolSettings } from '../rules/pools.js'
import { secondsOf } from '../values.js'
import { Scope } from './scope.js'

const OUTLIERS = 'outlier detection decides by its own thresholds when a backend is taken out'

/** The pool of an `upstream`. */
export function poolOf(upstream: Directive, findings: Findings, isTls: boolean): PoolSettings {
  const scope = new Scope(upstream.block ?? [])
  const backends = scope.own('server').flatMap((server) => backendOf(server, findings, isTls))
  const servers = scope.own('server')
  const never = servers.length > 0 && servers.every(({ args }) => args.includes('max_fails=0'))
  return {
    backends,
    ...algorithmOf(scope, findings),
    ...(never && { 'no-ejection': true }),
    ...slowStart(servers)
  }
}

function slowStart(servers: readonly Directive[]): Record<string, number> {
  const [, text] =
    /^slow_start=(.*)$/.exec(
      servers.flatMap(({ args }) => args).find((arg) => /^slow_start=/.test(arg)) ?? ''
    ) ?? []
  const seconds = text === undefined ? undefined : secondsOf(text)
  return seconds === undefined ? {} : { 'slow-start': seconds }
}

/** A `server` of an `upstream` as an entry of `backends`. */
function backendOf(server: Directive, findings: Findings, isTls: boolean): string[] {
  const [address = '', ...options] = server.args
  const { at } = server
  if (options.includes('down')) {
    findings.differs(at, textOf(server), 'it is no member of the pool while it is down')
    return []
  }
  const origin = originOf(address, isTls)
  if (origin === undefined) {
    findings.leftOut(at, textOf(server), 'a backend is a host and a port, or unix: and a path')
    return []
  }
  const parts = [origin]
  for (const option of options) {
    const [name, value] = option.split('=')
    if (name === 'weight') parts.push(...(value === '1' ? [] : [option]))
    else if (name === 'max_conns') {
      parts.push(`max=${value}`)
      findings.differs(at, option, 'requests above it wait in a queue (queue-size, queue-timeout)')
    } else if (name === 'backup') parts.push('backup')
    else if (name === 'max_fails' || name === 'fail_timeout') findings.differs(at, option, OUTLIERS)
    else if (name === 'resolve') parts.push('resolve=10')
    else if (name !== 'slow_start') findings.leftOut(at, option, 'not understood')
  }
  return [parts.join(';')]
}

/** An address of nginx as one of a backend; undefined if it can be none. */
export function originOf(address: string, isTls: boolean): string | undefined {
  const place = address.replace(/^unix:/, '')
  const withPort = /:\d+$/.test(address) ? address : `${address}:${isTls ? 443 : 80}`
  const origin = `${isTls ? 'https://' : ''}${place === address ? withPort : `unix:${place.replace(/:$/, '')}`}`
  return parseOrigin(origin, () => {}) && origin
}

function algorithmOf(scope: Scope, findings: Findings): Record<string, unknown> {
  const [random] = scope.own('random')
  const [hash] = scope.own('hash')
  const [sticky] = scope.own('sticky')
  if (sticky) {
    const [kind, name] = sticky.args
    if (kind === 'cookie' && name) {
      const [, age] = /^expires=(.*)$/.exec(sticky.args.find((arg) => arg.startsWith('expires=')) ?? '') ?? []
      const maxAge = age ? secondsOf(age) : undefined
      return {
        ...methodOf(scope),
        sticky: { cookie: name, ...(maxAge !== undefined && { 'max-age': maxAge }) }
      }
    }
    findings.leftOut(sticky.at, textOf(sticky), 'sessions are kept by a cookie of its own only')
  }
  if (random) return { algorithm: random.args[0] === 'two' ? 'p2c' : 'random' }
  if (scope.own('ip_hash').length > 0) return { algorithm: 'hash', 'hash-key': 'address' }
  if (hash) {
    const key = hashKeyOf(hash.args[0] ?? '')
    if (key) return { algorithm: 'hash', 'hash-key': key }
    findings.leftOut(
      hash.at,
      textOf(hash),
      'a hash is made of the address, the target, one field or one cookie; it is by turns instead'
    )
  }
  return methodOf(scope)
}

function methodOf(scope: Scope): Record<string, unknown> {
  if (scope.own('least_conn').length > 0) return { algorithm: 'least-connections' }
  if (scope.own('least_time').length > 0) return { algorithm: 'peak-ewma' }
  return { algorithm: 'round-robin' }
}

function hashKeyOf(key: string): string | undefined {
  if (/^\$(?:binary_)?remote_addr$/.test(key)) return 'address'
  if (/^\$(?:scheme\$(?:proxy_host|host))?\$?(?:request_uri|uri\$is_args\$args)$/.test(key)) return 'target'
  const [, kind, name] = /^\$(http|cookie)_(\w+)$/.exec(key) ?? []
  if (kind === 'http') return `header:${name!.replaceAll('_', '-')}`
  return kind === 'cookie' ? `cookie:${name}` : undefined
}
