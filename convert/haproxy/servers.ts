import type { Findings } from '../findings.js'
import { secondsOf } from '../values.js'
import type { Line } from './parse.js'

/** What the servers of a backend say of its pool. */
export interface Servers {
  readonly backends: readonly string[]
  /** Settings of the pool that HAProxy has at each server. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly healthCheck: Readonly<Record<string, unknown>>
  readonly isChecked: boolean
}

/** Options with a value that are understood, or that say nothing here. */
const WITH_VALUE = new Set(
  `weight maxconn inter fastinter downinter rise fall slowstart cookie init-addr resolvers resolve-prefer resolve-opts
  resolve-net ca-file crt sni verify verifyhost alpn proto port addr observe error-limit on-error on-marked-down
  on-marked-up max-reuse pool-max-conn pool-low-conn pool-purge-delay maxqueue minconn id track agent-port agent-inter
  agent-addr agent-send source ssl-min-ver ssl-max-ver ciphers ciphersuites crl-file redir namespace usesrc ws
  check-alpn check-sni check-proto log-proto tfo-x proxy-v2-options shard interface hash-key pool-conn-name`.split(
    /\s+/
  )
)
const NOT_NEEDED = new Set(
  `cookie init-addr resolvers resolve-prefer resolve-opts resolve-net fastinter id pool-max-conn pool-low-conn
  pool-purge-delay maxqueue minconn no-ssl-reuse ssl-reuse enabled check-ssl no-check-ssl check-sni check-alpn
  check-proto non-stick tfo no-tfo on-marked-up ciphers ciphersuites ssl-min-ver ssl-max-ver no-sslv3 no-tlsv10
  no-tlsv11 no-tlsv12 force-tlsv12 force-tlsv13 no-tls-tickets check-via-socks4 ws stick shard hash-key
  pool-conn-name check-send-proxy no-backup no-disabled no-send-proxy no-ssl no-verifyhost no-check`.split(
    /\s+/
  )
)
const OUTLIERS = 'outlier detection decides by its own thresholds when a backend is taken out'

interface ServerOptions {
  readonly flags: ReadonlySet<string>
  readonly values: ReadonlyMap<string, string>
}

/** Options, with those of `default-server` before them. */
function optionsOf(words: readonly string[], base?: ServerOptions): ServerOptions {
  const flags = new Set(base?.flags)
  const values = new Map(base?.values)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (WITH_VALUE.has(word)) values.set(word, words[++i] ?? '')
    else {
      // "no-check" takes back the "check" of default-server.
      if (word.startsWith('no-')) flags.delete(word.slice(3))
      flags.add(word)
    }
  }
  return { flags, values }
}

/** The servers of a backend as entries of `backends`. */
export function serversOf(lines: readonly Line[], findings: Findings): Servers {
  const backends: { entry: string; isChecked: boolean }[] = []
  const settings: Record<string, unknown> = {}
  const healthCheck: Record<string, unknown> = {}
  let defaults: ServerOptions | undefined
  for (const line of lines) {
    if (line.name === 'default-server') defaults = optionsOf(line.args, defaults)
    if (line.name !== 'server' && line.name !== 'server-template') continue
    const [address = '', words] =
      line.name === 'server' ? [line.args[1], line.args.slice(2)] : [line.args[2], line.args.slice(3)]
    if (line.name === 'server-template')
      findings.differs(line.at, line.text, 'a name is one backend, however many addresses it has')
    const options = optionsOf(words, defaults)
    ofPool(options, settings, healthCheck)
    if (options.flags.has('disabled') || options.values.get('weight') === '0') {
      findings.differs(
        line.at,
        line.text,
        'it is no member of the pool while it is disabled or has no weight'
      )
      continue
    }
    const entry = entryOf(address, options, line, findings)
    if (entry !== undefined) backends.push({ entry, isChecked: options.flags.has('check') })
  }
  const isChecked = backends.some((backend) => backend.isChecked)
  return {
    // Of some that are checked and some that are not, the latter say so.
    backends: backends.map((backend) =>
      isChecked && !backend.isChecked
        ? `${backend.entry.replace(/;check-[^;]*/g, '')};no-check`
        : backend.entry
    ),
    settings,
    healthCheck,
    isChecked
  }
}

/** What is a setting of the pool: the first server decides. */
function ofPool(
  { values }: ServerOptions,
  settings: Record<string, unknown>,
  check: Record<string, unknown>
): void {
  const time = (name: string) => secondsOf(values.get(name) ?? '', 1)
  const slowStart = time('slowstart')
  if (slowStart !== undefined) settings['slow-start'] ??= slowStart
  if (values.has('ca-file') && !values.get('ca-file')!.startsWith('@'))
    settings['backend-ca'] ??= values.get('ca-file')
  const [period, down] = [time('inter'), time('downinter')]
  if (period !== undefined) check.period ??= period
  if (down !== undefined) check['down-period'] ??= down
  for (const name of ['rise', 'fall']) if (values.has(name)) check[name] ??= Number(values.get(name))
}

function entryOf(
  address: string,
  { flags, values }: ServerOptions,
  line: Line,
  findings: Findings
): string | undefined {
  const isTls = flags.has('ssl')
  const place = addressOf(address, isTls)
  if (place === undefined) {
    findings.leftOut(line.at, line.text, 'a backend is a host and a port, or unix: and a path')
    return undefined
  }
  const parts = [`${isTls ? 'https://' : ''}${place}`]
  for (const [name, value] of values) {
    if (NOT_NEEDED.has(name) || /^(?:inter|downinter|rise|fall|slowstart|ca-file|sni|verifyhost)$/.test(name))
      continue
    if (name === 'weight') parts.push(...(value === '1' ? [] : [`weight=${value}`]))
    else if (name === 'maxconn') parts.push(`max=${value}`)
    else if (name === 'port') parts.push(`check-port=${value}`)
    else if (name === 'max-reuse') parts.push(`max-requests=${value}`)
    else if (name === 'verify') parts.push(...(value === 'none' && isTls ? ['tls-no-verify'] : []))
    else if (name === 'proto' || name === 'alpn') parts.push(...(/\bh2\b/.test(value) ? ['h2'] : []))
    else if (/^(?:observe|error-limit|on-error)$/.test(name))
      findings.differs(line.at, `${name} ${value}`, OUTLIERS)
    else findings.leftOut(line.at, `${name} ${value}`, 'there is nothing like it')
  }
  const name = values.get('verifyhost') ?? /^str\(([^)]+)\)$/.exec(values.get('sni') ?? '')?.[1]
  if (name && isTls) parts.push(`tls-name=${name}`)
  else if (values.has('sni') && !/^(?:req\.)?hdr\(host\)|^ssl_fc_sni/.test(values.get('sni')!))
    findings.leftOut(line.at, `sni ${values.get('sni')}`, 'the name of a backend is a fixed text')
  for (const flag of flags) {
    if (flag === 'backup') parts.push('backup')
    else if (flag === 'send-proxy') parts.push('proxy=v1')
    else if (flag.startsWith('send-proxy-v2')) parts.push('proxy=v2')
    else if (!/^(?:check|ssl|disabled)$/.test(flag) && !NOT_NEEDED.has(flag))
      findings.leftOut(line.at, flag, 'there is nothing like it')
  }
  return [...new Set(parts)].join(';')
}

function addressOf(address: string, isTls: boolean): string | undefined {
  const plain = address.replace(/^(?:ipv4|ipv6|tcp4?|tcp6)@/, '')
  if (/^(?:unix@|\/)/.test(plain)) return `unix:${plain.replace(/^unix@/, '')}`
  if (/^[\w.-]+:\d+$|^\[[\da-f:.]+\]:\d+$/i.test(plain)) return plain
  const [, host, port] = /^([\da-f:]+):(\d+)$/i.exec(plain) ?? []
  if (host?.includes(':')) return `[${host}]:${port}`
  return /^[\w.-]+$/.test(plain) ? `${plain}:${isTls ? 443 : 80}` : undefined
}
