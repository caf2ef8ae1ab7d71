import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { findCommand, versionOf } from '../commands'
import type { Peer, Place } from './peer'

/** Caddy on one CPU. */
export const caddy = caddyWith(configuration)

/** caddy with a configuration of one's own. */
export function caddyWith(configuration: (place: Place) => string): Peer {
  return {
    name: 'caddy',
    http2: true,
    find() {
      return findCommand('caddy')
    },
    version(program) {
      return versionOf(program, 'version')
    },
    launch(program, place) {
      const file = path.join(place.folder, 'Caddyfile')
      writeFileSync(file, configuration(place))
      const env = {
        GOMAXPROCS: '1',
        HOME: place.folder,
        XDG_DATA_HOME: place.folder,
        XDG_CONFIG_HOME: place.folder
      }
      return { command: program, args: ['run', '--config', file, '--adapter', 'caddyfile'], env }
    }
  }
}

// The defaults keep 32 idle connections to each backend and ask the backends for gzip.
function configuration({ port, backends, connections, tls, http2 }: Place): string {
  return `
{
  admin off
  auto_https off
  ${http2 && !tls ? 'servers {\n    protocols h1 h2c\n  }' : ''}
}
${tls ? 'https' : 'http'}://:${port} {
  bind 127.0.0.1
  ${tls ? `tls ${tls.certFile} ${tls.keyFile}` : ''}
  reverse_proxy ${backends.join(' ')} {
    lb_policy least_conn
    transport http {
      keepalive_idle_conns ${2 * connections + 100}
      keepalive_idle_conns_per_host ${2 * connections + 100}
      compression off
    }
  }
}
`
}
