import { nginxConfiguration, nginxWith } from '../../bench/peers/nginx.js'
import type { Place } from '../../bench/peers/peer.js'

/** nginx, one worker, set up to survive: passive failure counts, and another server for what failed. */
export const nginx = nginxWith(configuration)

// It has no active checks (those are nginx Plus). Only statuses listed in proxy_next_upstream count as failures of a
// server, so 500 is among them. The read timeout is what finds a frozen server.
function configuration(place: Place): string {
  return nginxConfiguration(place, {
    errorLevel: 'crit',
    upstream: 'zone backends 256k;',
    server: 'max_fails=2 fail_timeout=3s',
    location: `
      proxy_connect_timeout 1s;
      proxy_read_timeout 2s;
      proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;
      proxy_next_upstream_tries 3;
      proxy_next_upstream_timeout 8s;`
  })
}
