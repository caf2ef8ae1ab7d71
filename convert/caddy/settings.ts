import { type Directive, textOf } from '../directive.js'
import type { Findings } from '../findings.js'
import { bytesOf, isRange, PRIVATE_RANGES, secondsOf } from '../values.js'
import type { Address, Ports } from './sites.js'

const NOT_NEEDED = new Set(
  `admin email acme_ca acme_ca_root acme_dns acme_eab ocsp_stapling on_demand_tls key_type cert_issuer renew_interval
  storage storage_clean_interval preferred_chains local_certs skip_install_trust pki debug log auto_https http_port
  https_port order default_sni persist_config default_bind grace_period shutdown_delay servers metrics`.split(
    /\s+/
  )
)
const TIMEOUTS: Readonly<Record<string, string>> = {
  read_header: 'request-head-timeout',
  read_body: 'request-timeout',
  idle: 'keep-alive-timeout'
}

/** The ports of HTTP and HTTPS where an address does not say one. */
export function portsOf(options: readonly Directive[]): Ports {
  const of = (name: string, byDefault: number) =>
    Number(options.find((option) => option.name === name)?.args[0] ?? byDefault)
  return { http: of('http_port', 80), https: of('https_port', 443) }
}

/** Settings of the whole balancer. */
export function settingsOf(
  options: readonly Directive[],
  addresses: readonly Address[],
  ports: Ports,
  findings: Findings
): Record<string, unknown> {
  for (const option of options)
    if (!NOT_NEEDED.has(option.name)) findings.leftOut(option.at, textOf(option), 'not understood')
  const grace = secondsOf(options.find(({ name }) => name === 'grace_period')?.args[0] ?? '')
  return {
    ...listening(options, addresses, ports, findings),
    ...(grace !== undefined && { 'drain-timeout': grace }),
    ...servers(options, findings)
  }
}

function listening(
  options: readonly Directive[],
  addresses: readonly Address[],
  ports: Ports,
  findings: Findings
): Record<string, unknown> {
  const [first] = addresses
  if (!first) return {}
  const bind = addresses.flatMap(({ site }) => site.directives).find(({ name }) => name === 'bind')
  if (bind)
    findings.differs(
      bind.at,
      textOf(bind),
      `it listens at all addresses unless FASTIFY_ADDRESS=${bind.args[0]} is set`
    )
  if (!first.isTls) return { port: first.port }
  const files = [
    ...new Set(
      addresses
        .flatMap(({ site }) => site.directives)
        .filter(({ name, args }) => name === 'tls' && args.length >= 2)
    )
  ]
  for (const { site, host, isAutomatic } of addresses)
    if (isAutomatic)
      findings.leftOut(
        site.at,
        `the certificate of ${host || 'any host'}`,
        'certificates are files: write tls-cert and tls-key, and get them by a client of ACME'
      )
  // Without certificates nothing but plain HTTP can be spoken.
  if (files.length === 0) return { port: ports.http }
  const isRedirected = !options.some(
    ({ name, args }) => name === 'auto_https' && /^(?:off|disable_redirects)$/.test(args[0] ?? '')
  )
  const blocks = files.flatMap(({ block = [] }) => block)
  const client = blocks
    .find(({ name }) => name === 'client_auth')
    ?.block?.find(({ name }) => /^trusted_ca_cert_file$|^trust_pool$/.test(name))
  const versions = blocks.find(({ name }) => name === 'protocols')?.args
  return {
    port: first.port,
    'tls-cert': files.map(({ args }) => args[0]),
    'tls-key': files.map(({ args }) => args[1]),
    ...(versions?.[0] === 'tls1.3' && { 'tls-min-version': 'TLSv1.3' }),
    ...(client && { 'tls-client-ca': client.args.at(-1) }),
    ...(isRedirected && { 'https-redirect-port': ports.http })
  }
}

/** What the option `servers` says. */
function servers(options: readonly Directive[], findings: Findings): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const line of options.filter(({ name }) => name === 'servers').flatMap(({ block = [] }) => block)) {
    const { name, args, block = [], at } = line
    if (name === 'timeouts')
      for (const one of block) {
        const seconds = secondsOf(one.args[0] ?? '')
        const key = TIMEOUTS[one.name]
        if (key && seconds !== undefined) found[key] = seconds
        else if (one.name !== 'write') findings.leftOut(one.at, textOf(one), 'not understood')
      }
    else if (name === 'trusted_proxies' && args[0] === 'static') {
      const ranges = args.slice(1).flatMap((value) => (value === 'private_ranges' ? PRIVATE_RANGES : [value]))
      if (ranges.every(isRange)) found['trusted-proxies'] = ranges
      else findings.leftOut(at, textOf(line), 'a proxy is an address or a range of addresses')
    } else if (name === 'max_header_size') found['max-header-size'] = bytesOf(args[0] ?? '', true)
    else if (name === 'listener_wrappers') {
      for (const wrapper of block) {
        if (wrapper.name === 'proxy_protocol') {
          found['proxy-protocol'] = true
          const allow = wrapper.block?.find((one) => one.name === 'allow')
          if (allow) found['trusted-proxies'] = allow.args
        } else if (wrapper.name !== 'tls' && wrapper.name !== 'http_redirect')
          findings.leftOut(wrapper.at, textOf(wrapper), 'not understood')
      }
    } else if (
      !/^(?:protocols|protocol|metrics|strict_sni_host|client_ip_headers|log_credentials|keepalive_interval|name|trusted_proxies_strict|enable_full_duplex|trace)$/.test(
        name
      )
    )
      findings.leftOut(at, textOf(line), 'not understood')
  }
  return found
}
