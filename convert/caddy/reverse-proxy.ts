import type { Directive } from '../directive.js'
import { textOf } from '../directive.js'
import type { Findings } from '../findings.js'
import type { PoolSettings } from '../rules/pools.js'
import { secondsOf } from '../values.js'
import { transportOf } from './transport.js'

/** The pool of a `reverse_proxy`, and the Host that its backend gets if that is not the client's. */
export interface Proxy {
  readonly settings: PoolSettings
  readonly name: string
}

const OUTLIERS = 'outlier detection decides by its own thresholds when a backend is taken out'
const STREAMS = new Set([
  'flush_interval',
  'buffer_requests',
  'buffer_responses',
  'max_buffer_size',
  'request_buffers',
  'response_buffers'
])
const HEALTH: Readonly<Record<string, string>> = {
  health_uri: 'url',
  health_path: 'url',
  health_interval: 'period',
  health_timeout: 'timeout',
  health_passes: 'rise',
  health_fails: 'fall',
  health_status: 'status',
  health_body: 'body',
  health_method: 'method'
}

/** Reads a `reverse_proxy`; undefined, with a finding, if it has no backend that can be one. */
export function proxyOf(
  directive: Directive,
  upstreams: readonly string[],
  findings: Findings
): Proxy | undefined {
  const block = directive.block ?? []
  const named = [...upstreams, ...block.flatMap(({ name, args }) => (name === 'to' ? args : []))]
  const transport = transportOf(
    block.find(({ name }) => name === 'transport'),
    findings
  )
  const isTls = transport.isTls
  const places = named.flatMap((text) => {
    const found = placesOf(text, isTls)
    if (!found)
      findings.leftOut(
        directive.at,
        `reverse_proxy … ${text}`,
        'a backend is a host and a port, or unix: and a path'
      )
    return found ?? []
  })
  for (const line of block) reportUnknown(line, findings)
  if (places.length === 0) return undefined
  const max = block.find(({ name }) => name === 'unhealthy_request_count')?.args[0]
  const weights = weightsOf(block)
  const backends = places.map((place, index) =>
    [
      place,
      ...(weights[index] && weights[index] !== '1' ? [`weight=${weights[index]}`] : []),
      ...(max ? [`max=${max}`] : []),
      ...transport.options,
      ...checkPort(block)
    ].join(';')
  )
  const [first = ''] = places
  return {
    name: first.replace(/^https:\/\//, '').replace(/^unix:|:\d+(?:;.*)?$/g, ''),
    settings: {
      backends: [...new Set(backends)],
      ...(places.length > 1 && algorithmOf(block, findings)),
      ...sticky(block, findings),
      ...checks(block),
      ...retries(block, findings),
      ...transport.settings
    }
  }
}

/** An upstream as backends: a range of ports is several. */
function placesOf(text: string, isTls: boolean): string[] | undefined {
  const [, scheme = '', place = ''] = /^(?:(https?|h2c):\/\/)?(.*)$/.exec(text)!
  const tls = isTls || scheme === 'https' ? 'https://' : ''
  const h2 = scheme === 'h2c' || /^unix\+h2c/.test(place) ? ';h2' : ''
  const [, socket] = /^unix(?:\+h2c)?\/(\/.*)$/.exec(place) ?? []
  if (socket) return [`${tls}unix:${socket}${h2}`]
  const [, host = '', from, to] = /^(\[[\da-f:.]+\]|[\w.-]*)(?::(\d+)(?:-(\d+))?)?$/i.exec(place) ?? []
  if (place === '' || (host === '' && from === undefined)) return undefined
  const first = Number(from ?? (tls ? 443 : 80))
  const count = Math.min(Number(to ?? first) - first, 1000)
  return Array.from({ length: count + 1 }, (_, index) => `${tls}${host || '127.0.0.1'}:${first + index}${h2}`)
}

function weightsOf(block: readonly Directive[]): readonly string[] {
  const policy = block.find(({ name, args }) => name === 'lb_policy' && args[0] === 'weighted_round_robin')
  return policy?.args.slice(1) ?? []
}

function algorithmOf(block: readonly Directive[], findings: Findings): Record<string, unknown> {
  const policy = block.find(({ name }) => name === 'lb_policy')
  const [name = 'random', argument] = policy?.args ?? []
  if (name === 'random') return { algorithm: 'random' }
  if (name === 'random_choose') return { algorithm: 'p2c' }
  if (name === 'least_conn') return { algorithm: 'least-connections' }
  if (name === 'round_robin' || name === 'weighted_round_robin') return { algorithm: 'round-robin' }
  if (name === 'ip_hash' || name === 'client_ip_hash') return { algorithm: 'hash', 'hash-key': 'address' }
  if (name === 'uri_hash') return { algorithm: 'hash', 'hash-key': 'target' }
  if (name === 'header' && argument) return { algorithm: 'hash', 'hash-key': `header:${argument}` }
  if (name === 'cookie') return { algorithm: 'random' }
  const why =
    name === 'first'
      ? 'mark all but the first with ;backup; it is by chance instead'
      : 'there is no such policy; it is by chance instead'
  if (policy) findings.leftOut(policy.at, textOf(policy), why)
  return { algorithm: 'random' }
}

function sticky(block: readonly Directive[], findings: Findings): Record<string, unknown> {
  const policy = block.find(({ name, args }) => name === 'lb_policy' && args[0] === 'cookie')
  if (!policy) return {}
  if (policy.args[2])
    findings.differs(policy.at, `${policy.name} cookie`, 'write its secret into LB_STICKY_SECRET')
  return { sticky: { cookie: policy.args[1] ?? 'lb' } }
}

function checkPort(block: readonly Directive[]): string[] {
  const port = block.find(({ name }) => name === 'health_port')?.args[0]
  return port ? [`check-port=${port}`] : []
}

function checks(block: readonly Directive[]): Record<string, unknown> {
  const check: Record<string, unknown> = {}
  for (const { name, args } of block) {
    const key = HEALTH[name]
    const [value = ''] = args
    if (key === undefined) continue
    if (key === 'period' || key === 'timeout') check[key] = secondsOf(value)
    else if (key === 'rise' || key === 'fall') check[key] = Number(value)
    else if (key === 'status') check[key] = value.replace(/^(\d)xx$/, '$100-$199')
    else if (key === 'body') check[key] = `/${value}/`
    else check[key] = value
  }
  // Caddy looks at answers alone unless it is told what to ask for.
  if (check.url === undefined) return { 'no-health-check': true }
  const fields = block.find(({ name }) => name === 'health_headers')?.block ?? []
  const host = fields.find(({ name }) => name.toLowerCase() === 'host')?.args[0]
  const others = fields
    .filter(({ name }) => name.toLowerCase() !== 'host')
    .map(({ name, args }) => `${name}: ${args.join(' ')}`)
  return {
    'health-check': {
      ...check,
      // One that passes or fails is enough, where nothing else is said; 30 s and 5 s.
      period: check.period ?? 30,
      timeout: check.timeout ?? 5,
      rise: check.rise ?? 1,
      fall: check.fall ?? 1,
      ...(host && { host }),
      ...(others.length > 0 && { headers: others })
    }
  }
}

function retries(block: readonly Directive[], findings: Findings): Record<string, unknown> {
  const count = block.find(({ name }) => name === 'lb_retries')?.args[0]
  const duration = block.find(({ name }) => name === 'lb_try_duration')
  const seconds = duration && secondsOf(duration.args[0] ?? '')
  if (duration)
    findings.differs(duration.at, textOf(duration), 'a request waits only while no backend can be used')
  return { ...(count && { retries: Number(count) }), ...(seconds && { 'outage-timeout': seconds }) }
}

function reportUnknown(line: Directive, findings: Findings): void {
  const { name, at } = line
  if (HEALTH[name] || STREAMS.has(name)) return
  if (
    /^(?:to|lb_policy|lb_retries|lb_try_duration|lb_try_interval|health_port|health_headers|header_up|header_down|transport|unhealthy_request_count|trusted_proxies|verbose_logs)$/.test(
      name
    )
  )
    return
  if (/^(?:fail_duration|max_fails|unhealthy_status|unhealthy_latency)$/.test(name))
    findings.differs(at, textOf(line), OUTLIERS)
  else if (/^stream_/.test(name))
    findings.differs(at, textOf(line), 'tunnels end after tunnel-timeout without a byte')
  else if (name === 'dynamic')
    findings.leftOut(at, textOf(line), 'backends are listed, or come from a source of their own')
  else if (name === 'lb_retry_match')
    findings.leftOut(at, textOf(line), 'what was sent is repeated if its method allows it')
  else if (/^(?:handle_response|replace_status|intercept)$/.test(name) || name.startsWith('@'))
    findings.leftOut(
      at,
      textOf(line),
      'answers of backends pass as they are; pages for errors are written as errors of a route'
    )
  else findings.leftOut(at, textOf(line), 'not understood')
}
