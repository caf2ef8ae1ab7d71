/** Directives that the conversion reads, or that say what is so in any case. */
const KNOWN = new Set(
  `header request_body redir rewrite uri request_header handle handle_path route abort error respond reverse_proxy tls bind
  log log_skip skip_log log_append log_name vars_unused`.split(/\s+/)
)

const REASONS: readonly (readonly [names: RegExp, why: string])[] = [
  [
    /^(?:root|file_server|try_files|fs|templates|push)$/,
    'it serves no files: put a server for them behind it as a pool'
  ],
  [/^encode$/, 'it does not compress: let the backends do so, or a CDN in front'],
  [
    /^(?:basicauth|basic_auth|forward_auth)$/,
    'it does not authenticate; to be safe, these requests are refused'
  ],
  [/^php_fastcgi$/, 'it speaks HTTP to backends only: put an application server behind it'],
  [/^(?:map|vars)$/, 'it has no variables'],
  [/^(?:tracing)$/, 'tracing is set by the variables of OpenTelemetry'],
  [/^metrics$/, 'its own metrics are at /__lb/metrics'],
  [/^acme_server$/, 'it issues no certificates'],
  [/^handle_errors$/, 'pages for errors are written as errors of a route'],
  [/^(?:method|invoke|intercept|copy_response|copy_response_headers)$/, 'there is nothing like it'],
  [/^(?:cache|rate_limit|websocket|crowdsec|security|authenticate|authorize)$/, 'it is a plugin of Caddy']
]

/** Why a directive is left out; undefined if it is not. */
export function whyLeftOut(name: string): string | undefined {
  if (KNOWN.has(name)) return undefined
  return REASONS.find(([names]) => names.test(name))?.[1] ?? 'not understood'
}
