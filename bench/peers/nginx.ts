import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { findCommand, versionOf } from '../commands'
import type { Peer, Place } from './peer'

/** nginx, one worker, as an expert would set it up for this load. */
export const nginx = nginxWith(configuration)

/** nginx with a configuration of one's own. */
export function nginxWith(configuration: (place: Place) => string): Peer {
  return {
    name: 'nginx',
    http2: true,
    find() {
      return findCommand('nginx')
    },
    version(program) {
      return versionOf(program, '-v')
    },
    launch(program, place) {
      const file = path.join(place.folder, 'nginx.conf')
      writeFileSync(file, configuration(place))
      return { command: program, args: ['-p', place.folder, '-c', file, '-e', 'stderr'] }
    }
  }
}

// Under root the worker would become a user who cannot enter the run's private folder.
const user = process.getuid?.() === 0 ? 'user root root;' : ''

/** What differs between the ways in which it is set up. */
export interface NginxSettings {
  errorLevel: 'error' | 'crit'
  /** Lines of the group of servers. */
  upstream?: string
  /** Options of each of them. */
  server?: string
  /** Lines of what is passed on. */
  location: string
  /** Further servers, made with what writes a location that passes everything on. */
  servers?: (port: number, location: (path: string) => string) => string
}

/** The configuration for one worker, with connections to clients and backends that are kept. */
export function nginxConfiguration(
  { port, backends, connections, tls, http2, folder }: Place,
  { errorLevel, upstream = '', server = '', location, servers }: NginxSettings
): string {
  const files = 4 * connections + 512
  const passing = (path: string) => `location ${path} {
      proxy_pass http://backends;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      ${location}
    }`
  const certificate = tls && `ssl_certificate ${tls.certFile}; ssl_certificate_key ${tls.keyFile};`
  return `
daemon off;
${user}
worker_processes 1;
worker_rlimit_nofile ${files};
pid ${folder}/nginx.pid;
error_log stderr ${errorLevel};
events { worker_connections ${files}; }
http {
  access_log off;
  client_body_temp_path ${folder}/client;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  upstream backends {
    ${upstream}
    least_conn;
${backends.map((backend) => `    server ${backend} ${server};`).join('\n')}
    keepalive ${2 * connections + 64};
    keepalive_requests 1000000000;
    keepalive_time 24h;
  }
  server {
    listen 127.0.0.1:${port} ${tls ? 'ssl' : ''} ${http2 ? 'http2' : ''} backlog=4096;
    ${certificate ?? ''}
    ${passing('/')}
  }
  ${servers?.(port, passing) ?? ''}
}
`
}

/** As an expert would pass requests on. */
export const PASSED_ON = `
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      client_max_body_size 0;
      client_body_buffer_size 128k;
      proxy_request_buffering off;
      proxy_buffers 16 32k;
      proxy_max_temp_file_size 0;`

function configuration(place: Place): string {
  return nginxConfiguration(place, { errorLevel: 'error', location: PASSED_ON })
}
