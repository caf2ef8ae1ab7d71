import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { findCommand, versionOf } from '../commands'
import type { Peer, Place } from './peer'

/** HAProxy, one thread, as an expert would set it up for this load. */
export const haproxy = haproxyWith(configuration)

/** haproxy with a configuration of one's own. */
export function haproxyWith(configuration: (place: Place) => string): Peer {
  return {
    name: 'haproxy',
    http2: true,
    find() {
      return findCommand('haproxy')
    },
    version(program) {
      return versionOf(program, '-v')
    },
    launch(program, place) {
      const file = path.join(place.folder, 'haproxy.cfg')
      writeFileSync(file, configuration(place))
      return { command: program, args: ['-db', '-f', file] }
    }
  }
}

// HAProxy closes idle backend connections once a fifth of its file descriptors is in use, and it sizes that number to
// maxconn: without the two ratios it would reconnect for most requests.
function configuration({ port, backends, connections, tls, http2 }: Place): string {
  const protocol = tls ? `ssl crt ${tls.bothFile}${http2 ? ' alpn h2' : ''}` : http2 ? 'proto h2' : ''
  return `
global
  nbthread 1
  tune.bufsize 32768
  maxconn ${2 * connections + 100}
  tune.pool-low-fd-ratio 80
  tune.pool-high-fd-ratio 90

defaults
  mode http
  option http-keep-alive
  option forwardfor
  timeout connect 3s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s

frontend clients
  bind 127.0.0.1:${port} backlog 4096 ${protocol}
  http-request set-header X-Forwarded-Proto ${tls ? 'https' : 'http'}
  default_backend backends

backend backends
  balance leastconn
  http-reuse always
  default-server pool-purge-delay 10m
${backends.map((backend, index) => `  server backend${index + 1} ${backend}`).join('\n')}
`
}
