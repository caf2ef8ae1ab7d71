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
export const user = process.getuid?.() === 0 ? 'user root root;' : ''

function configuration({ port, backends, connections, folder }: Place): string {
  const files = 4 * connections + 512
  return `
daemon off;
${user}
worker_processes 1;
worker_rlimit_nofile ${files};
pid ${folder}/nginx.pid;
error_log stderr error;
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
    least_conn;
${backends.map((backend) => `    server ${backend};`).join('\n')}
    keepalive ${2 * connections + 64};
    keepalive_requests 1000000000;
    keepalive_time 24h;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://backends;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_buffers 16 32k;
      proxy_max_temp_file_size 0;
    }
  }
}
`
}
