import { type Directive, textOf } from '../directive.js'
import type { Findings } from '../findings.js'
import { secondsOf } from '../values.js'

/** How backends are spoken to. */
export interface Transport {
  readonly isTls: boolean
  /** Options of each backend. */
  readonly options: readonly string[]
  /** Settings of the pool. */
  readonly settings: Readonly<Record<string, unknown>>
}

const NOT_NEEDED = new Set(
  `read_buffer write_buffer max_response_header keepalive keepalive_interval keepalive_idle_conns
  keepalive_idle_conns_per_host compression resolvers dial_fallback_delay expect_continue_timeout tls_timeout
  tls_renegotiation network_proxy local_address`.split(/\s+/)
)

/** Reads `transport http { … }`. */
export function transportOf(directive: Directive | undefined, findings: Findings): Transport {
  if (!directive) return { isTls: false, options: [], settings: {} }
  if (directive.args[0] !== 'http') {
    findings.leftOut(directive.at, textOf(directive), 'it speaks HTTP to backends only')
    return { isTls: false, options: [], settings: {} }
  }
  let isTls = false
  const options: string[] = []
  const settings: Record<string, unknown> = {}
  for (const line of directive.block ?? []) {
    const { name, args, at } = line
    const [value = ''] = args
    if (name.startsWith('tls')) isTls = true
    if (name === 'tls_insecure_skip_verify') options.push('tls-no-verify')
    else if (name === 'tls_server_name') options.push(`tls-name=${value}`)
    else if (name === 'tls_trusted_ca_certs') settings['backend-ca'] = args
    else if (name === 'tls_trust_pool' && value === 'file') settings['backend-ca'] = args.slice(1)
    else if (name === 'tls_client_auth' && args.length === 2) {
      settings['backend-cert'] = value
      settings['backend-key'] = args[1]
    } else if (name === 'dial_timeout') settings['connection-timeout'] = secondsOf(value)
    else if (name === 'response_header_timeout') settings['response-timeout'] = secondsOf(value)
    else if (name === 'versions') options.push(...(args.includes('1.1') ? [] : ['h2']))
    else if (name === 'proxy_protocol') options.push(`proxy=${value}`)
    else if (name === 'max_conns_per_host') options.push(`max=${value}`)
    else if (name === 'read_timeout' || name === 'write_timeout')
      findings.leftOut(at, textOf(line), 'a backend may pause once it has begun to answer')
    else if (name !== 'tls' && !NOT_NEEDED.has(name)) findings.leftOut(at, textOf(line), 'not understood')
  }
  return { isTls, options, settings }
}
