/** Keywords that the conversion reads. */
const READ = new Set(
  `acl bind server server-template default-server use_backend default_backend http-request http-response
  http-after-response redirect balance cookie retries retry-on timeout http-check stick maxconn mode errorfile
  monitor-uri compression no filter use-server tcp-check external-check`.split(/\s+/)
)

/** Keywords that ask for what is so in any case, or that say something only to HAProxy itself. */
const NOT_NEEDED = new Set(
  `log log-format log-format-sd log-tag log-send-hostname chroot user group uid gid daemon nbproc nbthread cpu-map pidfile
  ulimit-n description node master-worker ssl-default-bind-ciphers ssl-default-bind-ciphersuites
  ssl-default-bind-options ssl-default-server-ciphers ssl-default-server-ciphersuites ssl-default-server-options
  ssl-server-verify ca-base crt-base ssl-dh-param-file spread-checks maxpipes maxsslconn maxconnrate maxsessrate
  hard-stop-after unix-bind set-dumpable zero-warning expose-fd setenv presetenv unsetenv http-reuse fullconn
  hash-type backlog id enabled dispatch unique-id-format unique-id-header capture declare max-keep-alive-queue
  load-server-state-from-file server-state-file server-state-base stick-table default-path quiet debug wurfl
  localpeer rate-limit grace http-send-name-header persist source log-steps`.split(/\s+/)
)

/** Options of a proxy that ask for what is so in any case. */
const OPTIONS = new Set(
  `forwardfor forwarded http-server-close httpclose forceclose http-keep-alive http-no-delay httplog tcplog dontlognull
  dontlog-normal log-health-checks log-separate-errors logasap redispatch abortonclose allbackups tcpka clitcpka srvtcpka
  contstats splice-auto splice-request splice-response http-ignore-probes http-buffer-request checkcache
  http-pretend-keepalive http-use-htx http-use-proxy-header idle-close-on-response independent-streams
  nolinger prefer-last-server socket-stats tcp-smart-accept tcp-smart-connect transparent
  h1-case-adjust-bogus-client h1-case-adjust-bogus-server http-restrict-req-hdr-names httpchk originalto
  accept-invalid-http-request accept-invalid-http-response disable-h2-upgrade http-drop-request-trailers`.split(
    /\s+/
  )
)

const REASONS: readonly (readonly [names: RegExp, why: string])[] = [
  [/^stats$/, 'its own page and statistics are at /__lb/ and /__lb/stats; commands of lb change it'],
  [/^tune\./, 'it has settings of its own for buffers and limits: buffer-size, max-header-size, max-headers'],
  [/^(?:lua-|h1-case|mworker|set-var|51degrees|deviceatlas)/, 'there is nothing like it'],
  [
    /^tcp-(?:request|response)/,
    'it looks at requests, not at connections: see allow, deny and max-sockets-per-client'
  ],
  [/^(?:email-alert|mailers)/, 'it sends no mail: its log and metrics say what happens'],
  [/^(?:use-fcgi-app|fcgi)/, 'it speaks HTTP to backends only'],
  [/^(?:errorloc|errorloc302|errorloc303)$/, 'its own error responses are written as errors of a route'],
  [/^(?:http-error|errorfiles)$/, 'own error pages are written as errors of a route'],
  [/^(?:force-persist|ignore-persist|appsession)$/, 'sessions are kept by a cookie of its own only'],
  [/^disabled$/, 'what is disabled is left out']
]

/** Why a line is left out; undefined if it is not. */
export function whyLeftOut(name: string, [first = '']: readonly string[]): string | undefined {
  if (name === 'option') return OPTIONS.has(first) ? undefined : 'there is no such option'
  if (name === 'compression' || name === 'filter')
    return name === 'filter'
      ? 'it has no filters to plug in'
      : 'it does not compress: let the backends do so, or a CDN in front'
  if (name === 'use-server')
    return 'which backend of a pool is chosen is not said by conditions: make it a pool'
  if (name === 'http-check' && !/^(?:send|expect|disable-on-404|send-state)$/.test(first))
    return 'a check is one request'
  if (name === 'stick' && first !== 'on') return 'sessions are kept by a cookie, or by a hash of the address'
  if (READ.has(name) || NOT_NEEDED.has(name)) return undefined
  return REASONS.find(([names]) => names.test(name))?.[1] ?? 'not understood'
}

/** Why a whole section is left out; undefined if it is not. */
export function whySectionLeftOut(kind: string): string | undefined {
  if (/^(?:global|defaults|frontend|backend|listen|resolvers)$/.test(kind)) return undefined
  if (kind === 'userlist') return 'it does not authenticate'
  if (kind === 'cache') return 'it does not cache: let a CDN in front do so'
  if (kind === 'peers') return 'balancers share nothing by tables: backends are chosen by each'
  return 'there is nothing like it'
}
