import { caddyWith } from '../../bench/peers/caddy.js'
import type { Place } from '../../bench/peers/peer.js'

/** Caddy on one CPU, set up to survive: active and passive checks, and retries for some seconds. */
export const caddy = caddyWith(configuration)

// Slow answers count as failures too: whoever knows that theirs take 2 ms can say so.
function configuration({ port, backends, connections }: Place): string {
  return `
{
  admin off
  auto_https off
  log {
    level FATAL
  }
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy ${backends.join(' ')} {
    lb_policy least_conn
    lb_try_duration 5s
    lb_try_interval 50ms
    health_uri /health
    health_interval 1s
    health_timeout 1s
    fail_duration 3s
    max_fails 3
    unhealthy_status 5xx
    unhealthy_latency 250ms
    transport http {
      dial_timeout 1s
      response_header_timeout 2s
      keepalive_idle_conns ${2 * connections + 100}
      keepalive_idle_conns_per_host ${2 * connections + 100}
      compression off
    }
  }
}
`
}
