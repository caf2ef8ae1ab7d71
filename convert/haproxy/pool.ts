import type { Findings } from '../findings.js'
import type { PoolSettings } from '../rules/pools.js'
import { secondsOf } from '../values.js'
import type { Line } from './parse.js'
import { serversOf } from './servers.js'

/** Lines of a section, with those of its `defaults` where it says nothing itself. */
export interface Settings {
  readonly own: readonly Line[]
  readonly defaults: readonly Line[]
}

/** The last line of a name, of which `words` are the first arguments; undefined if it is taken back by `no`. */
export function lastOf({ own, defaults }: Settings, name: string, ...words: string[]): Line | undefined {
  const fits = (line: Line) => line.name === name && words.every((word, index) => line.args[index] === word)
  const isTakenBack = own.some(
    ({ name: no, args }) => no === 'no' && args[0] === name && words[0] === args[1]
  )
  return own.findLast(fits) ?? (isTakenBack ? undefined : defaults.findLast(fits))
}

/** A time in seconds: HAProxy counts milliseconds. */
export function timeOf(settings: Settings, what: string): number | undefined {
  return secondsOf(lastOf(settings, 'timeout', what)?.args[1] ?? '', 1)
}

/** The pool of a `backend` or `listen`; undefined if it has no member. */
export function poolOf(settings: Settings, findings: Findings): PoolSettings | undefined {
  // Defaults of servers may stand in defaults.
  const servers = serversOf(
    [...settings.defaults.filter(({ name }) => name === 'default-server'), ...settings.own],
    findings
  )
  if (servers.backends.length === 0) return undefined
  const retries = Number(lastOf(settings, 'retries')?.args[0] ?? 3)
  const timeout = (what: string, key: string) => {
    const seconds = timeOf(settings, what)
    return seconds === undefined ? {} : { [key]: seconds }
  }
  return {
    backends: servers.backends,
    ...algorithmOf(settings, findings),
    ...sticky(settings, findings),
    ...timeout('connect', 'connection-timeout'),
    ...timeout('server', 'response-timeout'),
    ...timeout('queue', 'queue-timeout'),
    ...(retries !== 2 && { retries }),
    ...retryStatus(settings, findings),
    ...servers.settings,
    ...checks(settings, servers.isChecked, servers.healthCheck, findings)
  }
}

function algorithmOf(settings: Settings, findings: Findings): Record<string, unknown> {
  const line = lastOf(settings, 'balance')
  const [name = 'roundrobin', argument = ''] = line?.args ?? []
  const stick = lastOf(settings, 'stick', 'on', 'src')
  if (stick) {
    findings.differs(stick.at, stick.text, 'the backend is chosen by a hash of the address, without a table')
    return { algorithm: 'hash', 'hash-key': 'address' }
  }
  const [, field] = /^hdr\(([^)]+)\)$/.exec(name) ?? []
  const hash = /^hash$/.test(name) ? hashKey(argument) : field && `header:${field}`
  if (hash) return { algorithm: 'hash', 'hash-key': hash }
  if (name === 'leastconn') return { algorithm: 'least-connections' }
  if (name === 'source') return { algorithm: 'hash', 'hash-key': 'address' }
  if (name === 'uri') {
    if (line && argument !== 'whole') findings.differs(line.at, line.text, 'the query is a part of the key')
    return { algorithm: 'hash', 'hash-key': 'target' }
  }
  if (name === 'random' || name.startsWith('random('))
    return { algorithm: name === 'random(1)' ? 'random' : 'p2c' }
  if (name !== 'roundrobin' && name !== 'static-rr' && line)
    findings.leftOut(line.at, line.text, 'there is no such algorithm; it is by turns instead')
  return { algorithm: 'round-robin' }
}

function hashKey(sample: string): string | undefined {
  const [, kind, name] = /^(?:req\.)?(hdr|cook)\(([^)]+)\)$/.exec(sample) ?? []
  if (sample === 'src') return 'address'
  return kind && `${kind === 'hdr' ? 'header' : 'cookie'}:${name}`
}

function sticky(settings: Settings, findings: Findings): Record<string, unknown> {
  const line = lastOf(settings, 'cookie')
  if (!line) return {}
  const [cookie = '', ...options] = line.args
  if (!options.includes('insert')) {
    findings.leftOut(line.at, line.text, 'the cookie is one of its own, and not that of the backends')
    return {}
  }
  const valueAfter = (name: string) =>
    options.includes(name) ? options[options.indexOf(name) + 1] : undefined
  const maxAge = secondsOf(valueAfter('maxlife') ?? '')
  findings.differs(line.at, line.text, 'its value is signed, and sessions begin anew')
  return {
    sticky: {
      cookie,
      ...(valueAfter('domain') && { domain: valueAfter('domain') }),
      ...(options.includes('secure') && { secure: 'always' }),
      ...(!options.includes('httponly') && { 'http-only': false }),
      ...(maxAge !== undefined && { 'max-age': maxAge })
    }
  }
}

function retryStatus(settings: Settings, findings: Findings): Record<string, unknown> {
  const line = lastOf(settings, 'retry-on')
  const statuses = (line?.args ?? []).filter((word) => /^\d{3}$/.test(word))
  for (const word of line?.args ?? [])
    if (!/^(?:\d{3}|conn-failure|empty-response|none|0rtt-rejected)$/.test(word))
      findings.leftOut(line!.at, word, 'the backend may be working on the request')
  return statuses.length > 0 ? { 'retry-status': statuses.join(',') } : {}
}

function checks(
  settings: Settings,
  isChecked: boolean,
  ofServers: Readonly<Record<string, unknown>>,
  findings: Findings
): Record<string, unknown> {
  const http = lastOf(settings, 'option', 'httpchk')
  const tcp = [...settings.own, ...settings.defaults].find(
    ({ name }) => name === 'tcp-check' || name === 'external-check'
  )
  if (tcp) findings.leftOut(tcp.at, tcp.text, 'a check is one request')
  if (!isChecked) return { 'no-health-check': true }
  if (!http) {
    findings.differs(
      settings.own[0]!.at,
      'check without option httpchk',
      'no request is sent as a check: a backend is out once a connection is refused'
    )
    return { 'no-health-check': true }
  }
  const [first, second] = http.args.slice(1)
  const send = lastOf(settings, 'http-check', 'send')?.args ?? []
  const valueAfter = (name: string) => (send.includes(name) ? send[send.indexOf(name) + 1] : undefined)
  const method = valueAfter('meth') ?? (second === undefined ? undefined : first) ?? 'OPTIONS'
  const fields = send.flatMap((word, at) =>
    word === 'hdr' ? [[send[at + 1]!, send[at + 2] ?? ''] as const] : []
  )
  const host = fields.find(([name]) => name.toLowerCase() === 'host')?.[1]
  const others = fields
    .filter(([name]) => name.toLowerCase() !== 'host')
    .map(([name, value]) => `${name}: ${value}`)
  const timeout = timeOf(settings, 'check')
  return {
    'health-check': {
      ...(method !== 'GET' && { method }),
      url: valueAfter('uri') ?? second ?? first ?? '/',
      ...(host && { host }),
      ...(others.length > 0 && { headers: others }),
      ...expected(settings, findings),
      ...ofServers,
      ...(timeout !== undefined && { timeout })
    }
  }
}

function expected(settings: Settings, findings: Findings): Record<string, unknown> {
  const line = lastOf(settings, 'http-check', 'expect')
  if (!line) return {}
  const words = line.args.slice(1).filter((word) => !/^(?:min-recv|comment)$/.test(word))
  const [kind, value = ''] = words
  if (kind === 'status' && /^[\d,-]+$/.test(value)) return { status: value }
  const [, first] = /^\^?\(?([23])[.[]/.exec(value) ?? []
  if (kind === 'rstatus' && value === '(2|3)[0-9][0-9]') return { status: '200-399' }
  if (kind === 'rstatus' && first && /^\^?[23](?:\.\.|\[0-9\]\[0-9\])$/.test(value))
    return { status: `${first}00-${first}99` }
  if (kind === 'string') return { body: value }
  if (kind === 'rstring' && !value.includes('/')) return { body: `/${value}/` }
  findings.leftOut(line.at, line.text, 'a check expects statuses, a text or a pattern')
  return {}
}
