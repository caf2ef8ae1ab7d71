import { type Directive, textOf } from '../directive.js'
import type { Findings } from '../findings.js'
import { whyNotChanged } from '../rules/fields.js'
import type { RouteSettings } from '../rules/rule.js'
import { bytesOf, isRange, secondsOf } from '../values.js'
import { passOf, type Scope } from './scope.js'

const FIXED = 'values of fields are fixed texts, without variables'
/** Fields that every request to a backend has, as nginx is told to set them. */
const SET_ANYWAY: Readonly<Record<string, RegExp>> = {
  'x-forwarded-for': /^\$(?:proxy_add_x_forwarded_for|remote_addr)$/,
  'x-forwarded-proto': /^\$(?:scheme|http_x_forwarded_proto|x_forwarded_proto|proxy_x_forwarded_proto)$/,
  'x-forwarded-host': /^\$(?:host|http_host|server_name|http_x_forwarded_host)(?::\$server_port)?$/,
  'x-forwarded-port': /^\$(?:server_port|http_x_forwarded_port)$/,
  'x-forwarded-ssl': /^on$/,
  'x-request-id': /^\$(?:request_id|http_x_request_id)$/,
  upgrade: /^\$http_upgrade$/,
  connection: /./s
}

/** Fields, limits and times of a location, with those that it inherits. */
export function filtersOf(
  scope: Scope,
  zones: ReadonlyMap<string, Directive>,
  findings: Findings
): RouteSettings {
  return {
    ...requestHeaders(scope, findings),
    ...responseHeaders(scope, findings),
    ...timeout(scope, findings),
    ...retries(scope),
    ...rateLimit(scope, zones, findings),
    ...access(scope, findings)
  }
}

/** The `Host` that backends get; undefined for the one that the client sent. */
export function hostToBackend(scope: Scope, byDefault: string, findings: Findings): string | undefined {
  const set = scope
    .all('proxy_set_header', 'grpc_set_header')
    .find(({ args }) => args[0]?.toLowerCase() === 'host')
  const value = set?.args[1] ?? '$proxy_host'
  if (/^\$(?:host|http_host)(?::\$(?:server_port|proxy_port))?$/.test(value)) return undefined
  const host = value.replace('$proxy_host', byDefault).replace(/:\$proxy_port$/, '')
  if (/^[a-z\d](?:[a-z\d.-]*[a-z\d])?(?::\d+)?$|^\[[\da-f:]+\](?::\d+)?$/i.test(host)) return host
  const directive = set ?? passOf(scope)
  if (directive)
    findings.differs(
      directive.at,
      textOf(directive),
      `the Host that the client sent passes unchanged, instead of ${host}`
    )
  return undefined
}

function requestHeaders(scope: Scope, findings: Findings): RouteSettings {
  const set: Record<string, string> = {}
  const remove: string[] = []
  for (const directive of scope.all('proxy_set_header', 'grpc_set_header')) {
    const [name = '', value = ''] = directive.args
    const key = name.toLowerCase()
    if (key === 'host' || SET_ANYWAY[key]?.test(value)) continue
    if (value.toLowerCase() === `$http_${key.replaceAll('-', '_')}`) continue
    const why = whyNotChanged(name, 'request')
    if (why !== undefined) findings.leftOut(directive.at, textOf(directive), why)
    else if (value === '') remove.push(name)
    else if (!value.includes('$')) set[name] = value
    else
      findings.leftOut(
        directive.at,
        textOf(directive),
        value.includes('$remote_addr') || value.includes('$realip')
          ? "the client's address is the last one in X-Forwarded-For"
          : FIXED
      )
  }
  return changes('request-headers', { set, remove })
}

function changes(
  key: 'request-headers' | 'response-headers',
  { set = {}, add = {}, remove = [] }: { set?: object; add?: object; remove?: string[] }
): RouteSettings {
  const found = {
    ...(remove.length > 0 && { remove }),
    ...(Object.keys(set).length > 0 && { set }),
    ...(Object.keys(add).length > 0 && { add })
  }
  return Object.keys(found).length > 0 ? { [key]: found } : {}
}

function responseHeaders(scope: Scope, findings: Findings): RouteSettings {
  const add: Record<string, string | string[]> = {}
  for (const directive of scope.all('add_header')) {
    const [name = '', value = '', always] = directive.args
    const why = value.includes('$') ? FIXED : whyNotChanged(name, 'response')
    if (why !== undefined) {
      findings.leftOut(directive.at, textOf(directive), why)
      continue
    }
    if (value === '') continue
    const before = add[name]
    add[name] = before === undefined ? value : [before, value].flat()
    if (always !== 'always')
      findings.differs(directive.at, textOf(directive), 'it is added whatever the status, as with "always"')
  }
  const remove = scope
    .all('proxy_hide_header')
    .map(({ args }) => args[0] ?? '')
    .filter((name) => whyNotChanged(name, 'response') === undefined)
  return changes('response-headers', { add, remove })
}

function timeout(scope: Scope, findings: Findings): RouteSettings {
  const directive = scope.last('proxy_read_timeout') ?? scope.last('grpc_read_timeout')
  const seconds = directive && secondsOf(directive.args[0] ?? '')
  if (directive && seconds === undefined) findings.leftOut(directive.at, textOf(directive), 'it is no time')
  return seconds === undefined ? {} : { timeout: seconds }
}

function retries(scope: Scope): RouteSettings {
  if (scope.value('proxy_next_upstream') === 'off') return { retries: 0 }
  const tries = Number(scope.value('proxy_next_upstream_tries') ?? 0)
  return tries > 0 ? { retries: tries - 1 } : {}
}

/** The largest body in bytes, 0 for no limit; nginx allows 1 MiB unless told otherwise. */
export function maxBodyOf(scope: Scope): number {
  return bytesOf(scope.value('client_max_body_size') ?? '1m') ?? 1_048_576
}

function rateLimit(scope: Scope, zones: ReadonlyMap<string, Directive>, findings: Findings): RouteSettings {
  const [limit, another] = scope.all('limit_req')
  if (!limit) return {}
  const option = (name: string) =>
    limit.args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1)
  const zone = zones.get(option('zone') ?? '')
  const [, rate = '', unit = ''] = /rate=(\d+)r\/([sm])/.exec(zone?.args.join(' ') ?? '') ?? []
  if (!zone || !/^\$(?:binary_)?remote_addr$/.test(zone.args[0] ?? '') || rate === '') {
    findings.leftOut(limit.at, textOf(limit), 'a rate is limited for each client address only')
    return {}
  }
  if (another) findings.leftOut(another.at, textOf(another), 'a route has one limit of the rate')
  if (!limit.args.includes('nodelay') && option('burst'))
    findings.differs(limit.at, textOf(limit), 'requests above the rate are not delayed')
  if (scope.value('limit_req_status') !== '429')
    findings.differs(limit.at, textOf(limit), 'the status of what is refused is 429, not 503')
  return { 'rate-limit': `${rate}/${unit};burst=${Number(option('burst') ?? 0) + 1}` }
}

/** All addresses. */
const EVERYBODY: readonly string[] = ['0.0.0.0/0', '::/0']

/** Whether nobody is let in. */
export const isClosed = ({ deny }: RouteSettings) => deny === EVERYBODY

/** `allow` and `deny`, as far as their order says no more than that `deny` wins. */
export function access(scope: Scope, findings: Findings): RouteSettings {
  const rules = scope.all('allow', 'deny')
  const last = rules.at(-1)
  if (!last) return {}
  const endsClosed = last.name === 'deny' && last.args[0] === 'all'
  const listed = rules.filter(({ args }) => args[0] !== 'all')
  const allow = listed.filter(({ name }) => name === 'allow').map(({ args }) => args[0]!)
  const deny = listed.filter(({ name }) => name === 'deny').map(({ args }) => args[0]!)
  const early = rules.slice(0, -1).find(({ args }) => args[0] === 'all')
  const firstAllow = listed.findIndex(({ name }) => name === 'allow')
  const isInOrder = firstAllow === -1 || listed.slice(firstAllow).every(({ name }) => name === 'allow')
  if (early || !isInOrder || ![...allow, ...deny].every(isRange)) {
    const all = rules.map(textOf).join('; ')
    findings.leftOut(last.at, all, 'deny wins over allow, whatever their order; to be safe, all are refused')
    return { deny: EVERYBODY }
  }
  if (endsClosed && allow.length === 0) return { deny: EVERYBODY }
  return {
    ...(endsClosed && { allow }),
    // Without "deny all" at the end, those that are allowed are no fewer than all others.
    ...(deny.length > 0 && { deny })
  }
}
