import { haproxyWith } from '../../bench/peers/haproxy.js'
import type { Place } from '../../bench/peers/peer.js'

/** HAProxy, one thread, set up to survive: active checks, watched responses, and retries on another server. */
export const haproxy = haproxyWith(configuration)

// "redispatch 1" chooses another server at every retry, not only at the last one.
function configuration({ port, backends, connections }: Place): string {
  return `
global
  nbthread 1
  maxconn ${2 * connections + 100}
  tune.pool-low-fd-ratio 80
  tune.pool-high-fd-ratio 90

defaults
  mode http
  option http-keep-alive
  timeout connect 1s
  timeout client 60s
  timeout server 2s
  timeout queue 5s
  timeout check 1s
  timeout http-keep-alive 60s
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response junk-response response-timeout 0rtt-rejected 500 502 503 504

frontend clients
  bind 127.0.0.1:${port} backlog 4096
  default_backend backends

backend backends
  balance leastconn
  http-reuse always
  option httpchk GET /health
  default-server check inter 1s fastinter 500ms downinter 1s fall 2 rise 2
  default-server observe layer7 error-limit 10 on-error mark-down
  default-server pool-purge-delay 10m
${backends.map((backend, index) => `  server backend${index + 1} ${backend}`).join('\n')}
`
}
