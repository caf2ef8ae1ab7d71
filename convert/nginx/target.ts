import { type Directive, textOf } from '../directive.js'
import type { Conditions } from '../rules/conditions.js'
import type { PoolSettings } from '../rules/pools.js'
import { prefixChange } from '../rules/prefix-change.js'
import type { RouteSettings } from '../rules/rule.js'
import { secondsOf } from '../values.js'
import type { Context } from './context.js'
import type { Scope } from './scope.js'
import { originOf, poolOf } from './upstream.js'
import { choicesOf, withConstants } from './variables.js'

/** Where requests are passed to, under a condition. */
export interface Target {
  readonly when: Partial<Conditions>
  readonly does: RouteSettings
  /** What `proxy_pass` names, without its URI: the Host that backends get unless another is set. */
  readonly authority: string
  /** What stands behind it; undefined if the target passes as the client sent it. */
  readonly uri: string | undefined
}

const PASS = /^(?:(https?|grpcs?):\/\/)?(unix:[^:]+:?|[^/]+)(\/.*)?$/s
const AS_SENT = /^\/?\$(?:request_uri|uri(?:\$is_args\$args|\?\$args))$/

/** Where `proxy_pass` or `grpc_pass` leads, by the values that its variable may have; none if that cannot be said. */
export function targetsOf(pass: Directive, scope: Scope, context: Context): Target[] {
  const text = withConstants(pass.args[0] ?? '', scope)
  const [variable] = /\$\{?\w+\}?/.exec(text.replace(/\$(?:request_uri|uri|is_args|args)\b/g, '')) ?? []
  const map = variable ? context.maps.get(variable.replace(/[{}]/g, '')) : undefined
  const put = (value: string) => text.replace(variable!, () => value)
  if (map?.name === 'split_clients') return splitBy(map, put, pass, scope, context)
  if (map) {
    const choices = choicesOf(map)
    if (choices)
      return choices.flatMap(({ when, value }) =>
        targetOf(value === '' ? text : put(value), pass, scope, context).map((target) => ({
          ...target,
          when
        }))
      )
  }
  return targetOf(text, pass, scope, context)
}

function targetOf(text: string, pass: Directive, scope: Scope, context: Context): Target[] {
  const [, scheme = pass.name === 'grpc_pass' ? 'grpc' : undefined, authority = '', rest = ''] =
    PASS.exec(text.replace(/(\$request_uri|\$uri\$is_args\$args)$/, '/$1').replace(/\/\/\$/, '/$')) ?? []
  const isAsSent = rest === '' || AS_SENT.test(rest)
  // The group of the expression that a location matches by; the query is kept in any case.
  const uri = rest.replace(/(?<=\$1)(?:\$is_args\$|\?\$)(?:args|query_string)$/, '')
  const isByGroup = /^\/[^$]*\$1$/.test(uri) && prefixChange(groupOf(scope), uri) !== undefined
  if (!scheme || authority.includes('$') || (!isAsSent && !isByGroup && rest.includes('$'))) {
    context.findings.leftOut(pass.at, textOf(pass), 'it has variables whose values are not known')
    return []
  }
  const pool = poolFor(authority, scheme, pass, scope, context)
  return [
    {
      when: {},
      does: pool === undefined ? { respond: { status: 502 } } : { pool },
      authority,
      uri: isAsSent ? undefined : uri
    }
  ]
}

/** The expression of the location that a scope is of; empty if it is none. */
const groupOf = ({ location }: Scope) => (/^~\*?$/.test(location[0] ?? '') ? (location[1] ?? '') : '')

/** The pool of an upstream or of a single backend; undefined if it has no member. */
function poolFor(
  authority: string,
  scheme: string,
  pass: Directive,
  scope: Scope,
  context: Context
): string | undefined {
  const { findings, pools, upstreams } = context
  const isTls = scheme.endsWith('s')
  const upstream = upstreams.get(authority)
  const origin = upstream ? undefined : originOf(authority, isTls)
  const settings = upstream
    ? poolOf(upstream, findings, isTls)
    : { backends: origin === undefined ? [] : [origin] }
  if (!upstream && origin === undefined)
    findings.leftOut(pass.at, textOf(pass), 'a backend is a host and a port, or unix: and a path')
  if (settings.backends.length === 0) return undefined
  const options = [
    ...(scheme.startsWith('grpc') ? ['h2'] : []),
    ...(isTls ? tlsOptions(pass, scope, context) : [])
  ]
  return pools.add(upstream ? authority : authority.replace(/^unix:|:\d*$/g, ''), {
    ...settings,
    backends: settings.backends.map((backend) => [backend, ...options].join(';')),
    ...times(scope, context)
  })
}

function tlsOptions(pass: Directive, scope: Scope, { findings }: Context): string[] {
  const name = scope.value('proxy_ssl_name')
  const options = name && !name.includes('$') ? [`tls-name=${name}`] : []
  if (scope.value('proxy_ssl_verify') === 'on') return options
  findings.differs(
    pass.at,
    textOf(pass),
    'the certificates of backends are not verified, as in nginx: without ;tls-no-verify they are'
  )
  return [...options, 'tls-no-verify']
}

function times(scope: Scope, { findings }: Context): Omit<PoolSettings, 'backends'> {
  const connect = scope.last('proxy_connect_timeout')
  const seconds = connect && secondsOf(connect.args[0] ?? '')
  const next = scope.last('proxy_next_upstream')
  const statuses = (next?.args ?? []).flatMap((arg) => /^http_(\d+)$/.exec(arg)?.[1] ?? [])
  if (next?.args.includes('non_idempotent'))
    findings.leftOut(next.at, 'non_idempotent', 'what was sent is repeated only if its method allows it')
  const ca = scope.value('proxy_ssl_trusted_certificate')
  const [cert, key] = [scope.value('proxy_ssl_certificate'), scope.value('proxy_ssl_certificate_key')]
  return {
    ...(seconds !== undefined && { 'connection-timeout': seconds }),
    ...(statuses.length > 0 && { 'retry-status': statuses.join(',') }),
    ...(ca && { 'backend-ca': ca }),
    ...(cert && { 'backend-cert': cert }),
    ...(key && { 'backend-key': key })
  }
}

function splitBy(
  map: Directive,
  put: (value: string) => string,
  pass: Directive,
  scope: Scope,
  context: Context
): Target[] {
  const shares = (map.block ?? []).map(({ name, args }) => ({ share: name, value: args[0] ?? '' }))
  const given = shares.reduce((sum, { share }) => sum + (share === '*' ? 0 : Number.parseFloat(share)), 0)
  const found = shares.map(({ share, value }) => ({
    percent: share === '*' ? 100 - given : Number.parseFloat(share),
    target: targetOf(put(value), pass, scope, context)[0]
  }))
  const first = found[0]?.target
  if (
    !first ||
    found.some(({ target }) => !target?.does.pool || target.uri !== first.uri) ||
    found.some(({ percent }) => !(percent >= 0))
  ) {
    context.findings.leftOut(map.at, `split_clients ${map.args[0]}`, 'a split is of shares and upstreams')
    return []
  }
  const isByAddress = /\$\{?(?:binary_)?remote_addr/.test(map.args[0] ?? '')
  const isOneHost = found.every(({ target }) => target!.authority === first.authority)
  context.findings.differs(
    map.at,
    `split_clients ${map.args[0]}`,
    isByAddress
      ? 'the share is kept, but which clients are in it differs from nginx'
      : 'a split is by weight, and not by this key'
  )
  const split = found.map(({ percent, target }) => ({
    pool: target!.does.pool!,
    // Whole numbers: nginx has hundredths of a percent.
    weight: Math.round(percent * 100) / (found.every((one) => Number.isInteger(one.percent)) ? 100 : 1)
  }))
  const authority = isOneHost ? first.authority : 'that of its pool'
  return [{ ...first, authority, does: { split, ...(isByAddress && { 'split-by': 'client' as const }) } }]
}
